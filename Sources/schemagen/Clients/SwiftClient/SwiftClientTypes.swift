/// Writes the types of the Swift client.
extension SwiftClientEmitter {
    /// Enumerations, open or not: a server may be newer than its client.
    func words() -> String {
        file("The words that the server and its callers use.") { source in
            for type in contract.types {
                switch type.shape {
                case .enumeration(let values, let names), .openEnumeration(let values, let names):
                    word(type, values, names, into: &source)
                default: continue
                }
            }
        }
    }

    private func word(
        _ type: TypeModel, _ values: [String], _ names: [String: String], into source: inout SourceText
    ) {
        source.prose(type.description, mark: "/// ")
        source.block("public struct \(type.name): DuesWord, JSONReadable, JSONWritable {") { source in
            source.line("public let rawValue: String")
            source.line("public init(rawValue: String) { self.rawValue = rawValue }")
            source.line()
            for value in values {
                source.line("public static let \(swift.caseName(value, names)): \(type.name) = \"\(value)\"")
            }
        }
        source.line()
    }

    /// What callers make and give to the server.
    func inputs() -> String {
        file("What callers give to methods.", ["package import JSON"]) { source in
            for (type, object) in contract.inputs {
                source.prose(type.description, mark: "/// ")
                source.block("public struct \(type.name): Sendable, Hashable, JSONWritable {") { source in
                    for member in object.members {
                        source.prose(member.description, mark: "/// ")
                        source.line("public var \(Names.swiftDeclared(member.name)): \(inputType(member))")
                    }
                    source.line()
                    swift.opening("public init(", parameters(object.members), ") {", into: &source)
                    source.indented { source in
                        for member in object.members {
                            source.line("self.\(Names.swiftValue(member.name)) = \(Names.swiftDeclared(member.name))")
                        }
                    }
                    source.line("}")
                    source.line()
                    source.block("package var json: JSONValue {") { source in
                        block("JSONObject(present: [", wireMembers(object.members), "]).json", into: &source)
                    }
                }
                source.line()
            }
        }
    }

    /// `name: Type` of each member; those that may be left out are nil unless given.
    func parameters(_ members: [MemberModel]) -> [String] {
        members.map { "\(Names.swiftValue($0.name)): \(inputType($0))\($0.isRequired ? "" : " = nil")" }
    }

    private func inputType(_ member: MemberModel) -> String { typeName(member.shape) + (member.isRequired ? "" : "?") }

    /// `("name", name)` of each member.
    func wireMembers(_ members: [MemberModel]) -> [String] {
        members.map { "(\"\($0.name)\", \(Names.swiftDeclared($0.name)))" }
    }

    /// What several methods' results are made of: the objects whose names begin with one of `letters`.
    func objects(_ letters: ClosedRange<Character>) -> String {
        let about = "What results are made of, from \(letters.lowerBound) to \(letters.upperBound)."
        return file(about, ["public import FoundationEssentials", "public import JSON"]) { source in
            for (type, object) in contract.outputs where letters.contains(type.name.first ?? "A") {
                output(type.name, type.description, object, kind: "DuesObject", into: &source)
            }
        }
    }

    /// What methods give.
    func results() -> String {
        file("What methods give.", ["public import FoundationEssentials", "public import JSON"]) { source in
            for object in contract.methods.flatMap(objects(of:)) {
                output(object.name, object.description, object.object, kind: object.kind, into: &source)
            }
        }
    }

    private func output(
        _ name: String, _ description: String, _ object: ObjectShape, kind: String, into source: inout SourceText
    ) {
        source.prose(description, mark: "/// ")
        source.block("public struct \(name): \(kind), JSONReadable {") { source in
            for member in object.members {
                source.prose(member.description, mark: "/// ")
                let mark = member.isOptional ? "?" : ""
                source.line("public let \(Names.swiftDeclared(member.name)): \(typeName(member.shape))\(mark)")
            }
            source.line("public let raw: JSONObject")
            source.line()
            source.block("public init(raw: JSONObject) {") { source in
                for member in object.members {
                    let verb = member.isOptional ? "optionalMember" : "member"
                    source.line("\(Names.swiftDeclared(member.name)) = raw.\(verb)(\"\(member.name)\")")
                }
                source.line("self.raw = raw")
            }
        }
        source.line()
    }
}
