/// The methods of the contract in PHP.
import JSON

extension PHPEmitter {
    /// The methods by their names on the wire, and what holds for each.
    func methodEnumeration() -> String {
        var source = head(namespace: "Dues")
        source.line("/** The server's methods, by their names on the wire. */")
        source.line("enum Method: string")
        source.block("{") { source in
            source.line("/** The version of the protocol. */")
            source.line("public const PROTOCOL = \(contract.protocolVersion);")
            source.line()
            for method in contract.methods {
                documentation(method.summary, into: &source)
                source.line("case \(Names.pascal(method.name)) = '\(method.name)';")
            }
            source.line()
            documentation(
                "Whether a call may be made again, with no idempotency key, though the first may have had its effect.",
                into: &source)
            source.line("public function isSafeToRepeat(): bool")
            source.block("{") { match(contract.methods.filter(\.isSafeToRepeat), into: &$0) }
            source.line()
            source.line("/** Whether the method sends values before its result. */")
            source.line("public function isStreaming(): bool")
            source.block("{") { match(contract.methods.filter { $0.stream != nil }, into: &$0) }
        }
        return source.text
    }

    private func match(_ methods: [MethodModel], into source: inout SourceText) {
        source.block("return match ($this) {", "};") { source in
            for row in source.rows(of: methods.map { "self::\(Names.pascal($0.name))" }, room: source.room - 8) {
                source.line(row.hasSuffix(",") ? row : "\(row) => true,")
            }
            source.line("default => false,")
        }
    }

    /// The trait with a PHP method for each.
    func methods() -> String {
        var source = head(namespace: "Dues")
        var imports = objects(in: contract.methods.flatMap(\.params.members).map(\.shape))
        let words = contract.methods.flatMap(\.params.members).compactMap { enumeration($0.shape) }
        imports += Set(words)
        for method in contract.methods {
            if method.stream != nil { imports.append("\(Names.pascal(method.name))Value") }
            if method.resultObject != nil { imports.append("\(Names.pascal(method.name))Result") }
        }
        for name in imports.sorted() { source.line("use Dues\\Types\\\(name);") }
        source.line()
        source.line("/** The server's methods, each as one of PHP's. */")
        source.line("trait Methods")
        source.block("{") { source in
            for (index, method) in contract.methods.enumerated() {
                if index > 0 { source.line() }
                self.method(method, into: &source)
            }
        }
        return source.text
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.membersRequiredFirst
        methodDocumentation(method, members, into: &source)
        source.block("public function \(Names.camel(method.name))(", "") { source in
            for member in members {
                if member.isSecret { source.line("#[\\SensitiveParameter]") }
                let type = type(member.shape)
                source.line(member.isRequired ? "\(type) $\(member.name)," : "?\(type) $\(member.name) = null,")
            }
            source.line("?CallOptions $options = null,")
        }
        source.block("): \(returnType(method)) {") { source in
            let params = members.map { "'\($0.name)' => \(writing($0, "$\($0.name)") ?? "$\($0.name)")," }
            if !params.isEmpty {
                source.block("$params = Value::present([", "]);") { source in
                    for param in params { source.line(param) }
                }
            }
            let arguments = "('\(method.name)', \(params.isEmpty ? "[]" : "$params"), $options)"
            let result = method.resultObject == nil ? nil : "\(Names.pascal(method.name))Result"
            guard method.stream != nil else {
                return source.line(
                    "return " + (result.map { "\($0)::of($this->call\(arguments));" } ?? "$this->call\(arguments);"))
            }
            source.line("$values = $this->stream\(arguments);")
            source.block("foreach ($values as $value) {") {
                $0.line("yield \(Names.pascal(method.name))Value::of($value);")
            }
            source.line("return " + (result.map { "\($0)::of($values->getReturn());" } ?? "$values->getReturn();"))
        }
    }

    private func methodDocumentation(_ method: MethodModel, _ members: [MemberModel], into source: inout SourceText) {
        source.line("/**")
        source.prose("\(method.summary) \(method.description)", mark: " * ")
        source.line(" *")
        for member in members {
            let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
            let type = documentedType(member.shape) + (member.isRequired ? "" : "|null")
            source.prose("@param \(type) $\(member.name) \(description(member))\(standard)", mark: " * ")
        }
        if method.stream != nil {
            let name = Names.pascal(method.name)
            source.line(" * @return \\Generator<int, \(name)Value, mixed, \(name)Result>")
        }
        source.line(" * @throws DuesException")
        source.line(" */")
    }

    private func returnType(_ method: MethodModel) -> String {
        if method.stream != nil { return "\\Generator" }
        return method.resultObject == nil ? "\\stdClass" : "\(Names.pascal(method.name))Result"
    }

    /// How the driver makes typed calls of those that come in by wire.
    func typedCalls() -> String {
        var source = head(namespace: nil)
        for name in objects(in: contract.methods.flatMap(\.params.members).map(\.shape)) {
            source.line("use Dues\\Types\\\(name);")
        }
        source.line()
        source.prose(
            "By name on the wire: the client's method, and what makes typed arguments of params that are made of parts.",
            mark: "// ")
        source.block("return [", "];") { source in
            for method in contract.methods {
                let readings = method.params.members.compactMap { member in
                    reading(member.shape, "$value").map { "'\(member.name)' => fn ($value) => \($0)," }
                }
                let opening = "'\(method.name)' => ['\(Names.camel(method.name))', ["
                if readings.isEmpty {
                    source.line("\(opening)]],")
                } else {
                    source.block(opening, "]],") { source in
                        for reading in readings { source.line(reading) }
                    }
                }
            }
        }
        return source.text
    }
}
