/// What the client can do, read from its sources, so that no test has to remember it.
internal import Foundation

enum ClientSources {
    /// A call that the client offers.
    struct Call: Sendable {
        let name: String
        let method: String
        /// Below the root; nil for what the caller gives.
        let path: [String?]
        /// Every name that its parameters can have, however deep.
        let names: Set<String>
        /// The type that it reads the answer, or each element of the answer, as.
        let answer: String
        let isList: Bool

        func isOne(_ request: SentRequest) -> Bool {
            request.method == method && request.path.count == path.count
                && zip(path, request.path).allSatisfy { $0 == nil || $0 == $1 }
        }
    }

    private static let files: [String] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../../Sources/Stripe/Resources").standardizedFileURL
        let urls = (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
        return urls.compactMap { try? String(contentsOf: $0, encoding: .utf8) }
    }()

    /// The types of the outermost level, by their names.
    private static let types: [String: Substring] = files.reduce(into: [:]) { types, file in
        for match in file.matches(of: /(?m)^(?:package )?(?:struct|enum) (\w+)(?s:.*?)^\}/) {
            types[String(match.1)] = match.0
        }
    }

    /// The types of what Stripe answers.
    static let objects: Set<String> = Set(
        types.filter { $0.value.contains(/^(?:package )?struct \w+(?:<.*>)?: StripeObject/) }.keys)

    /// Every method of the client, in the order of nothing in particular; with no path where it could not be read.
    static let calls: [Call] = files.flatMap { file in
        file.matches(of: /(?m)^extension StripeClient \{(?s:.*?)^\}/).flatMap { extended in
            extended.0.matches(of: /(?m)^    package func (\w+)(?s:.*?)^    \}/).map { function in
                let sent = function.0.firstMatch(of: /(?:answer\(\.(\w+), |list\()\[([^\]]*)\]/)
                let path = sent.map { $0.2.split(separator: ", ").map(literal) } ?? []
                let answer = /StripeAnswer<(StripeList<)?(\w+)>+/
                let answered = function.0.firstMatch(of: answer)
                return Call(
                    name: String(function.1), method: (sent?.1 ?? "get").uppercased(), path: ["v1"] + path,
                    // What it returns it does not send.
                    names: names(in: function.0.replacing(answer, with: "")[...]),
                    answer: String(answered?.2 ?? ""), isList: answered?.1 != nil)
            }
        }
    }

    private static func literal(_ element: Substring) -> String? {
        element.wholeMatch(of: /"(\w+)"/).map { String($0.1) }
    }

    /// The names of parameters in `text`, and in the types that it speaks of.
    private static func names(in text: Substring, besides seen: Set<String> = []) -> Set<String> {
        var names: Set<String> = text.contains("expanding(") ? ["expand"] : []
        for match in text.matches(of: #/(?:set|clear)\(\s*"(\w+)"|"(\w+)": /#) {
            names.insert(String(match.1 ?? match.2 ?? ""))
        }
        for echoed in text.matches(of: /echoing: \[([^\]]*)\]/) {
            names.formUnion(echoed.1.matches(of: /"(\w+)"/).map { String($0.1) })
        }
        let spokenOf = Set(text.matches(of: /\b[A-Z]\w+/).map { String($0.0) }).subtracting(seen)
        for type in spokenOf {
            guard let text = types[type] else { continue }
            names.formUnion(Self.names(in: text.dropFirst(), besides: seen.union(spokenOf)))
        }
        return names
    }
}
