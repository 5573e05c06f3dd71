/// The methods of the C# client, and its tables.
extension CSharpEmitter {
    func methods(into source: inout SourceText) {
        tables(into: &source)
        Self.scope("public sealed partial class DuesClient", into: &source) { source in
            for method in contract.methods {
                if let stream = method.stream {
                    streaming(method, stream, into: &source)
                } else {
                    unary(method, into: &source)
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
            table("IReadOnlyCollection<string> Streaming = new HashSet<string>", into: &source) {
                contract.methods.filter { $0.stream != nil }.map { "\"\($0.name)\"" }
            }
            Self.documentation("The members that must not be shown.", into: &source)
            table("IReadOnlyCollection<string> Secrets = new HashSet<string>", into: &source) {
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

    /// The method that waits, and the one that does not.
    private func unary(_ method: MethodModel, into source: inout SourceText) {
        let name = Names.pascal(method.name)
        let isTyped = method.resultObject != nil
        let type = isTyped ? "\(name)Result" : Self.jsonObject
        let call = "(\"\(method.name)\", \(givenParams(method)), options, cancellation)"
        documentation(of: method, into: &source)
        signature(method, type, into: &source)
        source.indented { $0.line(isTyped ? "new \(type)(Call\(call));" : "Call\(call);") }
        source.line()
        source.line("/// <inheritdoc cref=\"\(name)\"/>")
        signature(method, "Task<\(type)>", suffix: "Async", into: &source)
        source.indented { source in
            guard isTyped else { return source.line("CallAsync\(call);") }
            source.line("Typed(")
            source.indented { source in
                source.line("CallAsync\(call),")
                source.line("result => new \(type)(result));")
            }
        }
        source.line()
    }

    private func streaming(_ method: MethodModel, _ stream: MethodModel.StreamModel, into source: inout SourceText) {
        let name = Names.pascal(method.name)
        documentation(of: method, into: &source)
        signature(method, "DuesStream<\(name)Value, \(name)Result>", into: &source)
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
        Self.documentation(
            "The server refused or failed the call, or cannot be reached.", "exception cref=\"DuesException\"",
            into: &source)
    }

    private func signature(_ method: MethodModel, _ type: String, suffix: String = "", into source: inout SourceText) {
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

    private func givenParams(_ method: MethodModel) -> String {
        method.params.members.isEmpty ? "null" : "parameters?.ToJson()"
    }
}
