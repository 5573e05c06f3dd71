internal import Contract
internal import JSON

/// The JSON-RPC response lines that a server sends, as bytes without the line's end.
enum Response {
    /// What an unreadable id is answered with.
    static let nullID = Array("null".utf8)

    /// `result` is the JSON text of the result.
    static func success(id: [UInt8], result: [UInt8]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("jsonrpc")
        writer.string("2.0")
        writer.key("id")
        writer.raw(id)
        writer.key("result")
        writer.raw(result)
        writer.endObject()
        return writer.bytes
    }

    static func failure(id: [UInt8], error: RPCError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("jsonrpc")
        writer.string("2.0")
        writer.key("id")
        writer.raw(id)
        writer.key("error")
        error.write(into: &writer)
        writer.endObject()
        return writer.bytes
    }
}
