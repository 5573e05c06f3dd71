internal import Contract
internal import JSON

/// The JSON-RPC responses that a server sends, without the line's end. An id is named by its place in a text, which is echoed
/// as it was written; nil is an id that could not be read.
extension JSONWriter {
    /// A response up to where its result begins; `endResponse()` follows it.
    mutating func beginResult(id: Range<Int>?, of text: Span<UInt8>) { begin(id, text, ",\"result\":") }

    mutating func endResponse() { verbatim("}") }

    mutating func failure(id: Range<Int>?, of text: Span<UInt8>, _ error: RPCError) {
        begin(id, text, ",\"error\":")
        error.write(into: &self)
        endResponse()
    }

    @inline(__always)
    private mutating func begin(_ id: Range<Int>?, _ text: Span<UInt8>, _ next: StaticString) {
        if let id {
            verbatim("{\"jsonrpc\":\"2.0\",\"id\":", text.extracting(id), next)
        } else {
            verbatim("{\"jsonrpc\":\"2.0\",\"id\":null")
            verbatim(next)
        }
    }
}
