internal import Contract
internal import JSON

/// The JSON-RPC response lines that a server sends, as bytes without the line's end.
enum Response {
    /// What an unreadable id is answered with.
    static let nullID = Array("null".utf8)

    /// `result` is the JSON text of the result.
    static func success(id: [UInt8], result: [UInt8]) -> [UInt8] {
        var line: [UInt8] = []
        // One byte more than is written, for the line's end.
        line.reserveCapacity(opening.count + id.count + middle.count + result.count + 2)
        line.append(contentsOf: opening)
        line.append(contentsOf: id)
        line.append(contentsOf: middle)
        line.append(contentsOf: result)
        line.append(UInt8(ascii: "}"))
        return line
    }

    private static let opening = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
    private static let middle = Array(#","result":"#.utf8)

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
