/// The methods of the C# client, and its tables.
extension CSharpEmitter {
    func methods(into source: inout SourceText) {
        tables(into: &source)
        Self.scope("public sealed partial class DuesClient", into: &source) { source in
            for method in contract.methods {
                if let stream = method.stream {
                    streaming(method, stream, into: &source)
                } else {
                    unary(method, isAsync: false, into: &source)
                    unary(method, isAsync: true, into: &source)
                }
            }
        }
    }

    private func tables(into source: inout SourceText) {
        Self.documentation("What the contract says of names.", into: &source)
        Self.scope("public static class Contract", into: &source) { source in
            Self.documentation("The version of the wire protocol.", into: &source)
            source.line("public const long Protocol = \(contract.protocolVersion);")
            source.line()
            Self.documentation(
                "The methods, and whether each may be called again without an idempotency key though the first call may "
                    + "have had its effect.", into: &source)
            table("IReadOnlyDictionary<string, bool> IsSafeToRepeat = new Dictionary<string, bool>", into: &source) {
                contract.methods.map { "[\"\($0.name)\"] = \($0.isSafeToRepeat)" }
            }
            Self.documentation("The methods that send values before their result.", into: &source)
            table("ICollection<string> Streaming = new HashSet<string>", into: &source) {
                contract.methods.filter { $0.stream != nil }.map { "\"\($0.name)\"" }
            }
            Self.documentation("The members that must not be shown.", into: &source)
            table("ICollection<string> Secrets = new HashSet<string>", into: &source) {
                secrets.map { "\"\($0)\"" }
            }
        }
    }

    private func table(_ declaration: String, into source: inout SourceText, _ entries: () -> [String]) {
        source.line("public static readonly \(declaration)")
        source.block("{", "};") { source in
            for row in source.rows(of: entries(), room: source.room) { source.line(row) }
        }
        source.line()
    }

    private var secrets: [String] {
        let shared = contract.types.flatMap { type in
            if case .object(let object) = type.shape { object.members } else { [MemberModel]() }
        }
        let own = contract.methods.flatMap { $0.params.members + ($0.resultObject?.members ?? []) }
        return Set((shared + own).filter(\.isSecret).map(\.name)).sorted()
    }

    private func unary(_ method: MethodModel, isAsync: Bool, into source: inout SourceText) {
        let type = method.resultObject == nil ? Self.jsonObject : "\(Names.pascal(method.name))Result"
        let call = "(\"\(method.name)\", \(givenParams(method)), options, cancellation)"
        documentation(of: method, into: &source)
        signature(method, isAsync ? "Task<\(type)>" : type, suffix: isAsync ? "Async" : "", into: &source)
        source.indented { source in
            switch (method.resultObject == nil, isAsync) {
            case (true, _): source.line("Call\(isAsync ? "Async" : "")\(call);")
            case (false, false): source.line("new \(type)(Call\(call));")
            case (false, true): source.line("Typed(CallAsync\(call), result => new \(type)(result));")
            }
        }
        source.line()
    }

    private func streaming(_ method: MethodModel, _ stream: MethodModel.StreamModel, into source: inout SourceText) {
        let name = Names.pascal(method.name)
        documentation(of: method, into: &source)
        signature(method, "DuesStream<\(name)Value, \(name)Result>", suffix: "", into: &source)
        source.indented { source in
            source.block("Stream(", "") { source in
                source.line("\"\(method.name)\", \(givenParams(method)), options, cancellation,")
                source.line("value => new \(name)Value(value), result => new \(name)Result(result));")
            }
        }
        source.line()
    }

    private func documentation(of method: MethodModel, into source: inout SourceText) {
        let text = "\(method.summary) \(Self.spelled(method.description, method.params.members))"
        Self.documentation(text, into: &source)
        Self.documentation(method.resultDescription, "returns", into: &source)
        source.line("/// <exception cref=\"DuesException\">The server refused or failed the call, or cannot be reached.</exception>")
    }

    private func signature(_ method: MethodModel, _ type: String, suffix: String, into source: inout SourceText) {
        let name = Names.pascal(method.name)
        let members = method.params.members
        let standard = members.contains(where: \.isRequired) ? "" : " = null"
        var parameters = members.isEmpty ? [] : ["\(name)Params parameters\(standard)"]
        parameters += ["CallOptions options = null", "CancellationToken cancellation = default"]
        source.line("public \(type) \(name)\(suffix)(")
        source.indented { source in
            var rows = source.rows(of: parameters, room: source.room - 4)
            rows[rows.count - 1] += ") =>"
            for row in rows { source.line(row) }
        }
    }

    private func givenParams(_ method: MethodModel) -> String { method.params.members.isEmpty ? "null" : "parameters?.ToJson()" }
}
