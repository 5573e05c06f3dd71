/// From a method's params, in JSON, to its handler.
package import JSON

/// A call whose params were decoded and validated: what is left is to give it to its handler, in a task of its own. Gives the
/// result object's JSON.
package typealias UpstreamCall = @Sendable (any UpstreamMethods, CallContext) async throws(RPCError) -> [UInt8]

/// A streaming call whose params were decoded and validated: opens the stream, on the loop's thread.
package typealias StreamCall = (any LocalMethods, CallContext) throws(RPCError) -> EncodedStream

extension LocalMethods {
    package var recalledMethod: Method? { nil }
    package func recall(_ params: Span<UInt8>, into result: inout JSONWriter) -> Bool { false }
}

/// The params of a method: decoded from JSON in one pass with their validation.
protocol DecodableParams {
    /// Reads an object, at whose brace the reader stands. Nil if it breaks the schema; then `decoding` knows how.
    static func decode(_ reader: inout JSONReader, _ decoding: inout Decoding) throws(JSONError) -> Self?
}

extension Method {
    /// The params in `bytes` (empty means none), and the metadata of the call. Throws INVALID_ARGUMENT with every
    /// violation.
    func decode<Params: DecodableParams>(
        _ type: Params.Type, from bytes: Span<UInt8>
    ) throws(RPCError) -> (Params, CallMetadata) {
        var decoding = Decoding()
        var params: Params?
        do throws(JSONError) {
            try JSONReader.scan(bytes.isEmpty ? Self.noParams.span : bytes) { reader throws(JSONError) in
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
        if let params, decoding.isSound { return (params, decoding.metadata) }
        let violations = decoding.allViolations
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
