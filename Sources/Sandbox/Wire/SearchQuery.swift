import JSON

/// A query of Stripe's search language (docs.stripe.com/search): clauses joined by AND (or a space) or by OR, never both.
///
///     status:"active" AND metadata["plan"]:"gold"     name~"jen"     -currency:"usd"     created>1500000000
struct SearchQuery {
    /// Clauses that a query may have.
    private static let mostClauses = 10

    private struct Clause {
        let field: SearchField
        /// The key of a metadata clause.
        let key: String?
        let operation: String
        /// Nil asks whether there is a value at all.
        let value: String?
        let isNegated: Bool
    }

    private var clauses: [Clause] = []
    private var isEither = false

    /// Reads a query for the resource `name` (`subscriptions`) with its searchable `fields`.
    init(_ text: String, _ name: String, _ fields: [SearchField]) throws(APIFailure) {
        var reader = Reader(text)
        var joiners: Set<String> = []
        while let word = reader.word() {
            if word == "AND" || word == "OR" {
                guard !clauses.isEmpty, !reader.isAtEnd else { throw Self.unreadable }
                joiners.insert(word)
                continue
            }
            let isNegated = word.hasPrefix("-")
            let fieldName = isNegated ? String(word.dropFirst()) : word
            guard let field = fields.first(where: { $0.name == fieldName }) else {
                guard !fieldName.isEmpty else { throw Self.unreadable }
                throw .invalid(
                    "Field `\(fieldName)` is an unsupported search field for resource `\(name)`. See "
                        + "http://stripe.com/docs/search#query-fields-for-\(name) for a list of supported fields.",
                    param: "query")
            }
            clauses.append(try reader.clause(field, isNegated: isNegated))
        }
        guard !clauses.isEmpty, joiners.count < 2, clauses.count <= Self.mostClauses else { throw Self.unreadable }
        isEither = joiners == ["OR"]
    }

    func matches(_ object: JSONObject) -> Bool {
        isEither ? clauses.contains { Self.holds($0, object) } : clauses.allSatisfy { Self.holds($0, object) }
    }

    private static let unreadable = APIFailure.invalid(
        "We were unable to parse your search query. Try using the format `metadata[\"key\"]:\"value\"` to query for metadata "
            + "or key:\"value\" to query for other fields.", param: "query")

    // MARK: Matching

    private static func holds(_ clause: Clause, _ object: JSONObject) -> Bool {
        let found = clause.key.map { object.object("metadata")[$0] } ?? object[clause.field.member]
        return compares(clause, found ?? .null) != clause.isNegated
    }

    private static func compares(_ clause: Clause, _ found: JSONValue) -> Bool {
        guard let wanted = clause.value else { return found.isNull }
        switch found {
        case .integer(let number):
            guard let limit = Int64(wanted) else { return false }
            return switch clause.operation {
            case ">": number > limit
            case "<": number < limit
            case ">=": number >= limit
            case "<=": number <= limit
            default: number == limit
            }
        case .bool(let flag): return wanted == (flag ? "true" : "false")
        case .string(let text):
            let (text, wanted) = (text.lowercased(), wanted.lowercased())
            return clause.operation == "~" ? !text.ranges(of: wanted).isEmpty : text == wanted
        default: return false
        }
    }

    // MARK: Reading

    private struct Reader {
        private let characters: [Character]
        private var position = 0

        init(_ text: String) { characters = Array(text) }

        private var next: Character? { position < characters.count ? characters[position] : nil }

        private mutating func skipSpace() { while next?.isWhitespace == true { position += 1 } }

        var isAtEnd: Bool { characters[position...].allSatisfy(\.isWhitespace) }

        /// A field's name with its sign, or a joiner; empty where something else stands, nil at the end.
        mutating func word() -> String? {
            skipSpace()
            guard next != nil else { return nil }
            let start = position
            if next == "-" { position += 1 }
            while let character = next, character.isLetter || character.isNumber || character == "_" || character == "." {
                position += 1
            }
            return String(characters[start..<position])
        }

        mutating func clause(_ field: SearchField, isNegated: Bool) throws(APIFailure) -> Clause {
            var key: String?
            if field.name == "metadata" {
                guard next == "[" else { throw unreadable }
                position += 1
                key = try quoted()
                guard next == "]" else { throw unreadable }
                position += 1
            }
            let operation = self.operation()
            let allowed: [String] =
                switch field.kind {
                case .token: [":"]
                case .text: [":", "~"]
                case .number: [":", ">", "<", ">=", "<="]
                }
            guard allowed.contains(operation) else { throw unreadable }
            let value = next == "\"" || next == "'" ? try quoted() : try bare(field)
            if operation == "~", (value ?? "").count < 3 {
                throw .invalid("A substring must have at least three characters.", param: "query")
            }
            return Clause(field: field, key: key, operation: operation, value: value, isNegated: isNegated)
        }

        private mutating func operation() -> String {
            skipSpace()
            var text = ""
            while let character = next, ":~<>=".contains(character) {
                text.append(character)
                position += 1
            }
            skipSpace()
            return text
        }

        /// Text between quotes, in which a backslash lets the quote stand.
        private mutating func quoted() throws(APIFailure) -> String {
            guard let quote = next, quote == "\"" || quote == "'" else { throw unreadable }
            position += 1
            var text = ""
            while let character = next {
                position += 1
                if character == quote { return text }
                if character == "\\", let escaped = next {
                    text.append(escaped)
                    position += 1
                } else {
                    text.append(character)
                }
            }
            throw unreadable
        }

        /// A number, or `null`, the question whether there is no value.
        private mutating func bare(_ field: SearchField) throws(APIFailure) -> String? {
            let start = position
            while let character = next, !character.isWhitespace { position += 1 }
            let text = String(characters[start..<position])
            if text.lowercased() == "null" { return nil }
            guard field.kind == .number, Int64(text) != nil else { throw unreadable }
            return text
        }
    }
}

/// A field that a resource can be searched by.
struct SearchField {
    enum Kind { case token, text, number }

    let name: String
    let kind: Kind
    /// The object's member, where it has another name.
    let member: String

    init(_ name: String, _ kind: Kind, member: String? = nil) {
        self.name = name
        self.kind = kind
        self.member = member ?? name
    }
}
