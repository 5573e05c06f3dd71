/// Writes what the Swift client's driver does by the client's types: calls from params as they are on the wire, and results
/// back into that form.
extension SwiftClientEmitter {
    func calls() -> String {
        file("A typed call for each that came.", ["import DuesClient", "import JSON"]) { source in
            source.block("extension Driver {") { source in
                source.line("/// The result of a call, by the client's own method; nil where it has none of that name.")
                source.line("func result(")
                source.indented {
                    $0.line("of method: String, _ params: JSONValue, _ options: CallOptions, on id: JSONValue")
                }
                source.block(") async throws -> JSONValue? {") { source in
                    source.choice("method") { source in
                        for method in contract.methods { self.call(method, into: &source) }
                        source.line("default: return nil")
                    }
                }
            }
        }
    }

    private func call(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.members
        source.line("case \"\(method.name)\":")
        source.indented { source in
            given("params", members, into: &source)
            let name = Names.swiftValue(method.name)
            let (head, tail) =
                method.stream == nil ? ("await dues.\(name)(", ").json") : ("await pass(dues.\(name)(", "), on: id)")
            block("return try \(head)", arguments(members) + ["options: options"], tail, into: &source)
        }
    }

    /// Says that the object `name` must have no other members than these.
    private func given(_ name: String, _ members: [MemberModel], into source: inout SourceText) {
        let names = members.map { "\"\($0.name)\"" }
        let variable = members.isEmpty ? "_" : "let given"
        swift.opening("\(variable) = try Given(\(name), only: [", names, "])", into: &source)
    }

    /// The members as arguments, out of what was given.
    private func arguments(_ members: [MemberModel]) -> [String] {
        members.map { member in
            "\(Names.swiftValue(member.name)): given.\(member.isRequired ? "required" : "optional")(\"\(member.name)\")"
        }
    }

    func wire() -> String {
        file("The client's types in the wire's form, and back.", ["import DuesClient", "import JSON"]) { source in
            for type in contract.types where contract.decodedTypes.contains(type.name) && !contract.isObject(type.name) {
                source.line("extension \(type.name): Sayable {}")
            }
            source.line()
            for (type, object) in contract.inputs { reading(type.name, object, into: &source) }
            for (type, object) in contract.outputs { writing(type.name, object, isResult: false, into: &source) }
            for object in contract.methods.flatMap(objects(of:)) {
                writing(object.name, object.object, isResult: object.kind == "DuesResult", into: &source)
            }
        }
    }

    private func reading(_ name: String, _ object: ObjectShape, into source: inout SourceText) {
        source.block("extension \(name): Sayable {") { source in
            source.block("init(wire: JSONValue) throws(Unsayable) {") { source in
                given("wire", object.members, into: &source)
                swift.call("try self.init(", arguments(object.members), into: &source)
            }
        }
        source.line()
    }

    private func writing(_ name: String, _ object: ObjectShape, isResult: Bool, into source: inout SourceText) {
        source.block("extension \(name): JSONWritable {") { source in
            source.block("var json: JSONValue {") { source in
                var members = object.members.map { member in
                    let value = Names.swiftDeclared(member.name)
                    return "(\"\(member.name)\", \(member.isNullable ? "\(value).orNull" : value))"
                }
                if isResult { members.append("(\"_meta\", callMetadata)") }
                block("JSONObject(present: [", members, "]).json", into: &source)
            }
        }
        source.line()
    }
}
