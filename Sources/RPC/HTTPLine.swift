/// Tells a line of HTTP from a broken line of JSON.
enum HTTPLine {
    /// Whether the line is a request line, such as `POST / HTTP/1.1` (RFC 9112 section 3).
    static func isRequestLine(_ line: [UInt8]) -> Bool {
        let words = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, words[2].starts(with: "HTTP/".utf8) else { return false }
        return words[0].allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
    }
}
