/// The methods of the Ruby client, and the table of what there is to know about each.
import JSON

extension RubyEmitter {
    func methods() -> String {
        file { source in
            source.line("# The methods of the server, by their names on the wire.")
            source.block("OPERATIONS = {", "}.freeze") { source in
                for method in contract.methods { operation(method, into: &source) }
            }
            source.line()
            source.prose(
                "The methods of {Client}. Each takes, beyond its params, the options of {Client#call}: timeout, "
                    + "idempotency_key, traceparent, authorization, verbose and cancellation.", mark: "# ")
            source.block("module Methods", "end") { source in
                for method in contract.methods { self.method(method, into: &source) }
                source.trimBlankLines()
            }
        }
    }

    private func operation(_ method: MethodModel, into source: inout SourceText) {
        source.block("\"\(method.name)\" => Operation.new(", "),") { source in
            source.line("name: :\(Names.snake(method.name)),")
            let facts = [
                method.resultObject.map { _ in "result: \(resultName(method))" },
                method.stream.map { _ in "value: \(valueName(method))" },
                method.isSafeToRepeat ? "repeatable: true" : nil,
            ].compactMap(\.self)
            source.rubyList("params: Members.new(", method.params.members.map(layout), facts.isEmpty ? ")" : "),")
            if method.params.members.isEmpty { source.line("params: Members.new\(facts.isEmpty ? "" : ",")") }
            if !facts.isEmpty { source.line(facts.joined(separator: ", ")) }
        }
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.membersRequiredFirst
        source.prose(
            "\(method.summary) \(Names.spelled(method.description, members, by: Names.snake))", mark: "# ")
        source.line("#")
        for member in members {
            let type = documentedType(member.shape) + (givesHashes(member.shape) ? ", Hash" : "")
            source.rubyTag(
                "@param \(Names.snake(member.name)) [\(type)] \(description(of: member, among: members))")
        }
        source.line("# @param options those of {Client#call}")
        source.rubyTag("@return [\(returned(method))] \(method.stream?.description ?? method.resultDescription)")
        source.line("# @raise [Error]")
        let parameters = members.map { "\(Names.snake($0.name)):\($0.isRequired ? "" : " nil")" } + ["**options"]
        let name = Names.snake(method.name)
        source.rubyList("def \(name)(", parameters, ")")
        source.indented { source in
            let verb = method.stream == nil ? "invoke" : "stream"
            let opening = "\(verb)(\"\(method.name)\", {"
            let arguments = members.map { "\(Names.snake($0.name)): \(Self.argument(Names.snake($0.name)))" }
            guard !arguments.isEmpty else { return source.line("\(opening)}, options)") }
            source.rubyList(opening + " ", arguments, " }, options)")
        }
        source.line("end")
        source.line()
    }

    /// The value of a keyword argument; one that is called as a keyword of Ruby's can be had by its name only.
    private static func argument(_ name: String) -> String {
        keywords.contains(name) ? "binding.local_variable_get(:\(name))" : name
    }

    private static let keywords: Set<String> = [
        "alias", "and", "begin", "break", "case", "class", "def", "defined", "do", "else", "elsif", "end", "ensure",
        "false", "for", "if", "in", "module", "next", "nil", "not", "or", "redo", "rescue", "retry", "return", "self",
        "super", "then", "true", "undef", "unless", "until", "when", "while", "yield",
    ]

    /// Whether a hash does as well.
    private func givesHashes(_ shape: Shape) -> Bool {
        switch shape {
        case .array(let element, _): givesHashes(element)
        case .reference(let name): contract.isObject(name)
        default: false
        }
    }

    private func returned(_ method: MethodModel) -> String {
        if method.stream != nil { return "Stream<\(valueName(method))>" }
        return method.resultObject == nil ? "Hash{String => Object}" : resultName(method)
    }
}
