/// Writes types in Swift: structures with their initialisers, and enumerations.
import JSON

extension SwiftEmitter {
    /// The Swift type of a shape.
    func typeName(_ shape: Shape) -> String {
        switch shape {
        case .string: "String"
        case .timestamp: "Timestamp"
        case .integer: "Int64"
        case .boolean: "Bool"
        case .array(let element, _): "[\(typeName(element))]"
        case .map: "[String: String]"
        case .raw: "RawJSON"
        case .reference(let name): name
        case .object, .enumeration, .openEnumeration:
            // The parser lets these have names only, so that they are met as references.
            preconditionFailure("objects and enumerations are referred to by name")
        }
    }

    /// Nil where it may be absent or null; a member with a default always has a value.
    func typeName(_ member: MemberModel) -> String {
        typeName(member.shape) + (isOptional(member) ? "?" : "")
    }

    func isOptional(_ member: MemberModel) -> Bool {
        member.isNullable || (!member.isRequired && member.defaultValue == nil)
    }

    func structure(_ name: String, _ description: String, _ object: ObjectShape, into source: inout SourceText) {
        source.prose(description, mark: "/// ")
        source.block("package struct \(name): Sendable, Equatable, JSONWritable {") { source in
            for member in object.members {
                source.prose(member.description, mark: "/// ")
                source.line("package var \(Names.swiftDeclared(member.name)): \(typeName(member))")
            }
            if !object.members.isEmpty { source.line() }
            let parameters = object.members.map { member in
                let initial = initialValue(member).map { " = \($0)" } ?? ""
                return "\(Names.swiftValue(member.name)): \(typeName(member))\(initial)"
            }
            if object.members.isEmpty {
                source.line("package init() {}")
                return
            }
            opening("package init(", parameters, ") {", into: &source)
            source.indented { source in
                for member in object.members {
                    let declared = Names.swiftDeclared(member.name)
                    source.line("self.\(Names.swiftValue(member.name)) = \(declared)")
                }
            }
            source.line("}")
        }
    }

    /// What a member is where the caller of an initialiser does not say: required members have nothing.
    private func initialValue(_ member: MemberModel) -> String? {
        guard let value = member.defaultValue else { return member.isRequired ? nil : "nil" }
        return literal(value, member.shape)
    }

    func literal(_ value: JSONValue, _ shape: Shape) -> String {
        if case .reference(let name) = shape, case .enumeration(_, let names)? = contract.type(name)?.shape,
            let word = value.stringValue
        {
            return ".\(names[word] ?? Names.swiftValue(word))"
        }
        return value.text
    }

    /// A declaration's head with its parameters on as many lines as they need.
    func opening(_ head: String, _ parameters: [String], _ tail: String, into source: inout SourceText) {
        let joined = parameters.joined(separator: ", ")
        if head.count + joined.count + tail.count <= source.room {
            source.line(head + joined + tail)
            return
        }
        source.line(head)
        source.indented { source in
            for row in source.rows(of: parameters, room: source.room) { source.line(row) }
        }
        source.line(tail)
    }

    /// A call with its arguments on as many lines as they need.
    func call(_ head: String, _ arguments: [String], into source: inout SourceText) {
        let joined = arguments.joined(separator: ", ")
        if head.count + joined.count + 1 <= source.room {
            source.line("\(head)\(joined))")
            return
        }
        source.line(head)
        source.indented { source in
            var rows = source.rows(of: arguments, room: source.room - 1)
            rows[rows.count - 1] += ")"
            for row in rows { source.line(row) }
        }
    }

    /// The name of a value's case: the one that the schema gives, else made of the value.
    func caseName(_ value: String, _ names: [String: String]) -> String {
        names[value] ?? Names.swiftDeclared(value == value.uppercased() ? value.lowercased() : value)
    }

    func enumeration(
        _ type: TypeModel, _ values: [String], _ names: [String: String], into source: inout SourceText
    ) {
        source.prose(type.description, mark: "/// ")
        source.block("package enum \(type.name): String, CaseIterable, Sendable, JSONWritable {") { source in
            for value in values {
                let name = caseName(value, names)
                source.line(name == value ? "case \(name)" : "case \(name) = \"\(value)\"")
            }
        }
    }

    func openEnumeration(
        _ type: TypeModel, _ values: [String], _ names: [String: String], into source: inout SourceText
    ) {
        source.prose(type.description, mark: "/// ")
        source.block("package struct \(type.name): RawRepresentable, Hashable, Sendable, JSONWritable {") { source in
            source.line("package let rawValue: String")
            source.line("package init(rawValue: String) { self.rawValue = rawValue }")
            source.line()
            for value in values {
                source.line("package static let \(caseName(value, names)) = \(type.name)(rawValue: \"\(value)\")")
            }
        }
    }

    /// `write(into:)`: nil is written as null where the member is nullable, and left out where it is optional; a
    /// default is left out too, since absence says the same.
    func writing(
        _ name: String, _ object: ObjectShape, takesMetadata: Bool, into source: inout SourceText
    ) {
        source.block("extension \(name) {") { source in
            source.block("package func write(into writer: inout JSONWriter) {") { source in
                source.line(takesMetadata ? "write(into: &writer, metadata: nil)" : "writer.beginObject()")
                if takesMetadata { return }
                self.members(object, into: &source)
                source.line("writer.endObject()")
            }
            guard takesMetadata else { return }
            source.line()
            source.line("/// Writes the result with `metadata` as its member _meta, if there is any.")
            source.block("package func write(into writer: inout JSONWriter, metadata: ResultMetadata?) {") { source in
                source.line("writer.beginObject()")
                self.members(object, into: &source)
                source.line("writer.memberIfPresent(\"_meta\", metadata)")
                source.line("writer.endObject()")
            }
        }
    }

    private func members(_ object: ObjectShape, into source: inout SourceText) {
        for member in object.members {
            let variable = Names.swiftDeclared(member.name)
            let isLeftOut = isOptional(member) && !member.isNullable
            let verb = isLeftOut ? "memberIfPresent" : "member"
            let statement = "writer.\(verb)(\"\(member.name)\", \(variable))"
            guard let value = member.defaultValue else {
                source.line(statement)
                continue
            }
            source.line("if \(variable) != \(literal(value, member.shape)) { \(statement) }")
        }
    }
}
