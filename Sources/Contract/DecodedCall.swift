/// A call whose params were decoded and validated: what is left is to give it to its handler.
package import JSON

package enum DecodedCall<Local: LocalMethods, Upstream: UpstreamMethods> {
    /// Runs on the loop's thread and writes the result object.
    case local((Local, CallContext, inout JSONWriter) throws(RPCError) -> Void)
    /// Opens a stream, on the loop's thread.
    case stream((Local, CallContext) throws(RPCError) -> EncodedStream)
    /// Runs in a task and gives the result object's JSON.
    case upstream(@Sendable (Upstream, CallContext) async throws(RPCError) -> [UInt8])
}

/// The params of a method: decoded from JSON in one pass with their validation.
protocol DecodableParams {
    /// Reads an object, at whose brace the reader stands. Nil if it breaks the schema; then `decoding` knows how.
    static func decode(_ reader: inout JSONReader, _ decoding: inout Decoding) throws(JSONError) -> Self?
}

extension Method {
    /// The params in `bytes` (absent means none), and the metadata of the call. Throws INVALID_ARGUMENT with every
    /// violation.
    func decode<Params: DecodableParams>(
        _ type: Params.Type, from bytes: [UInt8]?
    ) throws(RPCError) -> (Params, CallMetadata) {
        var decoding = Decoding()
        var params: Params?
        do throws(JSONError) {
            try JSONReader.scan(bytes ?? Self.noParams) { reader throws(JSONError) in
                let kind = try reader.peek()
                guard kind == .object else {
                    return decoding.violate(nil, "type", "params must be an object, got \(kind.withArticle)")
                }
                params = try Params.decode(&reader, &decoding)
                try reader.finish()
            }
        } catch {
            // The RPC layer parses the whole line before; this is for callers who come another way.
            decoding.violate(nil, "json", "\(error)")
        }
        let violations = decoding.allViolations
        if let params, violations.isEmpty { return (params, decoding.metadata) }
        throw RPCError(.schema, summary(of: violations), violations: violations)
    }

    private static let noParams = Array("{}".utf8)

    private func summary(of violations: [Violation]) -> String {
        guard let first = violations.first else { return "\(rawValue): the params break the schema." }
        let place = first.pointer.isEmpty ? "" : "\(first.pointer) "
        let others = violations.count - 1
        let more = others == 0 ? "" : " (and \(others) more violation\(others == 1 ? "" : "s"))"
        let sentence = "\(rawValue): \(place)\(first.message)\(more)"
        return sentence.hasSuffix("?") ? sentence : sentence + "."
    }
}

extension JSONKind {
    /// The kind as a sentence names it.
    var withArticle: String {
        switch self {
        case .object: "an object"
        case .array: "an array"
        case .null: "null"
        case .string: "a string"
        case .number: "a number"
        case .boolean: "a boolean"
        }
    }
}
