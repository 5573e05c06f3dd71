/// The signatures of what is generated for the Ruby client, in RBS.
extension RubyEmitter {
    func signatures() -> String {
        file(magic: nil) { source in
            for type in contract.types {
                switch type.shape {
                case .enumeration(let values, _), .openEnumeration(let values, _):
                    source.block("module \(type.name)", "end") { source in
                        for value in values { source.line("\(Self.constant(value)): String") }
                    }
                    source.line()
                default: continue
                }
            }
            for object in objects { self.object(object, into: &source) }
            source.line("OPERATIONS: Hash[String, Operation]")
            source.line()
            source.block("module Methods", "end") { source in
                for method in contract.methods { self.method(method, into: &source) }
            }
        }
    }

    private func object(_ object: RubyObject, into source: inout SourceText) {
        let members = object.shape.members
        source.block("class \(object.name) < \(object.isResult ? "Result" : "Value")", "end") { source in
            for member in members {
                let isOptional = member.isOptional || !object.isResult
                let type = signedType(member.shape, isGiven: !object.isResult)
                source.line("attr_reader \(Names.snake(member.name)): \(type)\(isOptional ? "?" : "")")
            }
            let parameters = members.map {
                "?\(Names.snake($0.name)): \(signedType($0.shape, isGiven: !object.isResult))?"
            }
            source.rubyList("def initialize: (", parameters, ") -> void")
        }
        source.line()
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let taken = Set(method.params.members.map { Names.snake($0.name) })
        let options = [
            ("timeout", "Numeric"), ("idempotency_key", "String"), ("traceparent", "String"),
            ("authorization", "String"), ("verbose", "bool"), ("cancellation", "Cancellation"),
        ].filter { !taken.contains($0.0) }.map { "?\($0.0): \($0.1)?" }
        let parameters = method.params.membersRequiredFirst.map { member in
            let type = signedType(member.shape, isGiven: true)
            let name = Names.snake(member.name)
            return member.isRequired ? "\(name): \(type)" : "?\(name): \(type)?"
        }
        let result = method.resultObject == nil ? "Hash[String, untyped]" : resultName(method)
        let returned = method.stream == nil ? result : "Stream[\(valueName(method)), \(result)]"
        source.rubyList("def \(Names.snake(method.name)): (", parameters + options, ") -> \(returned)")
    }

    /// The type; what callers give may be a hash where it is an object.
    private func signedType(_ shape: Shape, isGiven: Bool) -> String {
        switch shape {
        case .string, .enumeration, .openEnumeration: return "String"
        case .timestamp: return "Time"
        case .integer: return "Integer"
        case .boolean: return "bool"
        case .map: return "Hash[String, String]"
        case .object, .raw: return "Hash[String, untyped]"
        case .array(let element, _): return "Array[\(signedType(element, isGiven: isGiven))]"
        case .reference(let name):
            guard contract.isObject(name) else { return "String" }
            return isGiven ? "(\(name) | Hash[Symbol, untyped])" : name
        }
    }
}
