/// Writes the methods of the Swift client.
import JSON

extension SwiftClientEmitter {
    func methods() -> String {
        file("The methods.", ["public import JSON"]) { source in
            table(into: &source)
            source.line()
            source.block("extension Dues {") { source in
                for method in contract.methods {
                    self.method(method, into: &source)
                    source.line()
                }
                source.trimBlankLines()
            }
        }
    }

    private func table(into source: inout SourceText) {
        source.line("/// What the client knows of methods, by their names on the wire.")
        source.block("enum Method {") { source in
            source.line("/// The version of the wire protocol.")
            source.line("static let protocolVersion: Int64 = \(contract.protocolVersion)")
            source.line()
            source.line("/// Those that may be called again whatever became of the first call.")
            set("safeToRepeat", contract.methods.filter(\.isSafeToRepeat).map(\.name), into: &source)
            source.line()
            source.line("/// Those that may be, if both calls have the same idempotency key.")
            set("safeToRepeatWithKey", contract.methods.filter { !$0.isSafeToRepeat }.map(\.name), into: &source)
            source.line()
            source.line("/// Members that must not be shown.")
            set("secrets", secrets, into: &source)
        }
    }

    /// The names of all secret members, in the order of the alphabet.
    private var secrets: [String] {
        let members =
            contract.outputs.flatMap(\.object.members)
            + contract.methods.flatMap(objects(of:)).flatMap(\.object.members)
        return Set(members.filter(\.isSecret).map(\.name)).sorted()
    }

    private func set(_ name: String, _ words: [String], into source: inout SourceText) {
        swift.list(words.map { "\"\($0)\"" }, opening: "static let \(name): Set<String> = [", closing: "]", into: &source)
    }

    private func method(_ method: MethodModel, into source: inout SourceText) {
        let members = method.params.members
        source.prose("\(method.summary) \(method.description)", mark: "/// ")
        source.line("///")
        source.line("/// - Parameters:")
        for member in members {
            let standard = member.defaultValue.map { " Default: \($0.stringValue ?? $0.text)." } ?? ""
            parameter(Names.swiftValue(member.name), member.description + standard, into: &source)
        }
        parameter("options", "What the call is given beside its params.", into: &source)
        let result: String
        if let stream = method.stream {
            result = "DuesStream<\(valueName(method)), \(resultName(method))>"
            source.line("/// - Returns: \(stream.description)")
        } else {
            result = method.resultObject == nil ? "JSONObject" : resultName(method)
            source.line("/// - Returns: \(method.resultDescription)")
        }
        let parameters = parameters(members) + ["options: CallOptions = CallOptions()"]
        let effects = method.stream == nil ? " async throws" : ""
        // Who changes something may have no use for what comes of it.
        if !method.isSafeToRepeat { source.line("@discardableResult") }
        swift.opening(
            "public func \(Names.swiftValue(method.name))(", parameters, ")\(effects) -> \(result) {", into: &source)
        source.indented { source in
            let opening = method.stream == nil ? "try await result(of: " : "DuesStream(self, "
            let closing = method.stream == nil ? "], options)" : "], options) { $0.seq }"
            block("\(opening)\"\(method.name)\", [", wireMembers(members), closing, into: &source)
        }
        source.line("}")
    }

    private func parameter(_ name: String, _ description: String, into source: inout SourceText) {
        let rows = source.wrapped("- \(name): \(description)", room: source.room - 8)
        for (index, row) in rows.enumerated() { source.line(index == 0 ? "///   \(row)" : "///     \(row)") }
    }
}
