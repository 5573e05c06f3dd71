/// Tells a line of HTTP from a broken line of JSON.
enum HTTPLine {
    /// Whether the line is a request line, such as `POST / HTTP/1.1` (RFC 9112 section 3): a word in capitals first, and last
    /// the protocol with its version.
    static func isRequestLine(_ line: Span<UInt8>) -> Bool {
        var method = 0
        while method < line.count, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(line[method]) { method += 1 }
        let protocolBytes = 8  // HTTP/1.1
        let last = line.count - protocolBytes
        guard method > 0, last > method, line[method] == UInt8(ascii: " "), line[last - 1] == UInt8(ascii: " ") else {
            return false
        }
        return line.extracting(last..<line.count).bytes.starts(with: "HTTP/".utf8)
    }
}
