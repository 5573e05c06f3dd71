/// The types of the Ruby client.
import JSON

extension RubyEmitter {
    func types() -> String {
        file { source in
            for type in contract.types {
                switch type.shape {
                case .enumeration(let values, _): words(type, values, "", into: &source)
                case .openEnumeration(let values, _): words(type, values, " There may be others.", into: &source)
                default: continue
                }
            }
            for object in objects { self.object(object, into: &source) }
        }
    }

    /// A module of constants.
    private func words(_ type: TypeModel, _ values: [String], _ remark: String, into source: inout SourceText) {
        source.prose(type.description + remark, mark: "# ")
        source.block("module \(type.name)", "end") { source in
            for value in values { source.line("\(Self.constant(value)) = \"\(value)\"") }
        }
        source.line()
    }

    static func constant(_ value: String) -> String { Names.words(value).joined(separator: "_").uppercased() }

    private func object(_ object: RubyObject, into source: inout SourceText) {
        let members = object.shape.members
        source.prose(object.description, mark: "# ")
        source.block("class \(object.name) < \(object.isResult ? "Result" : "Value")", "end") { source in
            for member in members {
                source.line("# @!attribute [r] \(Names.snake(member.name))")
                source.rubyTag("@return [\(type(of: member))] \(description(of: member, among: members))", "  ")
            }
            source.line()
            source.rubyList("members ", members.map(layout))
            let secrets = members.filter(\.isSecret)
            if !secrets.isEmpty { source.rubyList("secret ", secrets.map { ":\(Names.snake($0.name))" }) }
        }
        source.line()
    }

    private func type(of member: MemberModel) -> String {
        documentedType(member.shape) + (member.isOptional ? ", nil" : "")
    }

    func description(of member: MemberModel, among members: [MemberModel]) -> String {
        var text = Names.spelled(member.description, members, by: Names.snake)
        if let name = enumeration(member.shape) { text += " One of {\(name)}." }
        if let standard = member.defaultValue { text += " Default: \(standard.stringValue ?? standard.text)." }
        return text
    }
}
