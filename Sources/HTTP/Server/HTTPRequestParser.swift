/// HTTP/1.1 requests out of bytes, in whatever pieces they arrive: a state machine without I/O (RFC 9112).
///
/// Feed bytes with `append`, then call `next` until it answers `.needMore`. After `.invalid` the connection is to be closed:
/// where the next request would start is no longer known.
struct HTTPRequestParser {
    private let limits: HTTPLimits
    private var buffer: [UInt8] = []
    /// Where the unread part of the buffer starts; what is before it goes with the next `append`.
    private var start = 0
    /// How far the buffer was searched for the end of a line or of the head: what comes byte by byte is searched once.
    private var searched = 0
    private var lineStart = 0
    private var state = State.head
    /// The request whose body is coming, and the body as far as it has come.
    private var request = HTTPRequest(method: "", target: "")
    private var body: [UInt8] = []

    private enum State {
        case head
        case body(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case chunkEnd
        case trailer
        case failed
    }

    enum Step: Equatable {
        case needMore
        /// The head asks to be told to go on (`Expect: 100-continue`) before its body comes.
        case wantsContinue
        case request(HTTPRequest)
        /// The request is refused with this status, for this reason.
        case invalid(status: Int, reason: String)
    }

    init(limits: HTTPLimits) { self.limits = limits }

    /// Whether part of a request is there.
    var isMidway: Bool {
        if case .head = state { return start < buffer.count }
        return true
    }

    mutating func append(_ bytes: Span<UInt8>) {
        if start > 0 {
            buffer.removeFirst(start)
            searched -= start
            lineStart -= start
            start = 0
        }
        bytes.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
    }

    mutating func next() -> Step {
        while true {
            switch state {
            case .head:
                skipEmptyLines()
                guard let end = endOfHead() else {
                    return buffer.count - start > limits.headBytes ? fail(431, "the header is too large") : .needMore
                }
                guard end - start <= limits.headBytes else { return fail(431, "the header is too large") }
                let head = buffer[start..<end]
                advance(to: end)
                if let step = startBody(of: head) { return step }
            case .body(let remaining):
                let left = takeBody(remaining)
                if left == 0 { return finish() }
                state = .body(remaining: left)
                return .needMore
            case .chunkSize:
                guard let line = takeLine() else { return lineMissing() }
                guard let size = Self.chunkSize(line) else { return fail(400, "a chunk's size is not a number") }
                guard size <= limits.bodyBytes - body.count else { return fail(413, "the body is too large") }
                state = size == 0 ? .trailer : .chunkData(remaining: size)
            case .chunkData(let remaining):
                let left = takeBody(remaining)
                guard left == 0 else {
                    state = .chunkData(remaining: left)
                    return .needMore
                }
                state = .chunkEnd
            case .chunkEnd:
                guard let line = takeLine() else { return lineMissing() }
                guard line.isEmpty else { return fail(400, "a chunk does not end where its size says") }
                state = .chunkSize
            case .trailer:
                guard let line = takeLine() else { return lineMissing() }
                if line.isEmpty { return finish() }
            case .failed: return .needMore
            }
        }
    }

    private mutating func finish() -> Step {
        state = .head
        var finished = request
        finished.body = body
        request = HTTPRequest(method: "", target: "")
        body = []
        return .request(finished)
    }

    private mutating func fail(_ status: Int, _ reason: String) -> Step {
        state = .failed
        buffer = []
        advance(to: 0)
        return .invalid(status: status, reason: reason)
    }

    // MARK: Bytes

    private mutating func advance(to position: Int) {
        start = position
        searched = position
        lineStart = position
    }

    /// Moves up to `count` bytes to the body; answers how many are still to come.
    private mutating func takeBody(_ count: Int) -> Int {
        let taken = min(count, buffer.count - start)
        body.append(contentsOf: buffer[start..<(start + taken)])
        advance(to: start + taken)
        return count - taken
    }

    /// RFC 9112 section 2.2: empty lines before a request are to be ignored.
    private mutating func skipEmptyLines() {
        var position = start
        while position < buffer.count, buffer[position] == 0x0D || buffer[position] == 0x0A { position += 1 }
        if position > start { advance(to: position) }
    }

    /// The offset past the empty line that ends the head.
    private mutating func endOfHead() -> Int? {
        while searched < buffer.count {
            defer { searched += 1 }
            guard buffer[searched] == 0x0A else { continue }
            let length = searched - lineStart
            let isEmpty = length == 0 || (length == 1 && buffer[lineStart] == 0x0D)
            lineStart = searched + 1
            if isEmpty { return searched + 1 }
        }
        return nil
    }

    /// The next line without its end; nil where it is not all there, or longer than permitted even if it is.
    private mutating func takeLine() -> [UInt8]? {
        while searched < buffer.count, buffer[searched] != 0x0A { searched += 1 }
        guard searched < buffer.count, searched - start <= limits.headBytes else { return nil }
        var line = Array(buffer[start..<searched])
        if line.last == 0x0D { line.removeLast() }
        advance(to: searched + 1)
        return line
    }

    private mutating func lineMissing() -> Step {
        buffer.count - start > limits.headBytes ? fail(431, "a line is too long") : .needMore
    }

    /// A chunk's size: hexadecimal digits, and extensions after a semicolon, which are ignored. Blanks may stand after the
    /// digits; between them they would be a size that another reader takes for a smaller one.
    private static func chunkSize(_ line: [UInt8]) -> Int? {
        var digits = line.prefix { $0 != UInt8(ascii: ";") }
        while digits.last == UInt8(ascii: " ") || digits.last == UInt8(ascii: "\t") { digits.removeLast() }
        guard !digits.isEmpty, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit && $0 < 0x80 }) else {
            return nil
        }
        return Int(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    // MARK: Head

    /// Reads the head and enters the state of its body; answers a step where the caller has something to do first.
    private mutating func startBody(of head: ArraySlice<UInt8>) -> Step? {
        switch Self.parseHead(head) {
        case .failure(let refusal): return fail(refusal.status, refusal.reason)
        case .success(let parsed):
            request = parsed
            let codings = request.headers.values("Transfer-Encoding")
            let lengths = Set(request.headers.values("Content-Length"))
            if !codings.isEmpty {
                // Both at once is how requests are smuggled past a proxy (RFC 9112 section 6.3).
                guard lengths.isEmpty, codings.count == 1, Self.isChunked(codings[0]) else {
                    return fail(400, "the body's length is ambiguous")
                }
                state = .chunkSize
            } else if let text = lengths.first {
                guard lengths.count == 1, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text)
                else {
                    return fail(400, "Content-Length is not one number")
                }
                guard length <= limits.bodyBytes else { return fail(413, "the body is too large") }
                state = .body(remaining: length)
            } else {
                state = .body(remaining: 0)
            }
            return request.headers["Expect"]?.lowercased() == "100-continue" ? .wantsContinue : nil
        }
    }

    /// By bytes: there is a letter beyond ASCII whose lower case is `k`.
    private static func isChunked(_ coding: String) -> Bool {
        coding.utf8.count == 7 && coding.lowercased() == "chunked"
    }

    private struct Refusal: Error {
        let status: Int
        let reason: String
    }

    private static func parseHead(_ head: ArraySlice<UInt8>) -> Result<HTTPRequest, Refusal> {
        var lines: [ArraySlice<UInt8>] = []
        for line in head.split(separator: UInt8(ascii: "\n")) {
            let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            // RFC 9112 section 2.2 and RFC 9110 section 5.5: others split a field at these.
            guard !line.contains(where: { $0 == 0 || $0 == UInt8(ascii: "\r") }) else {
                return .failure(Refusal(status: 400, reason: "the header holds a NUL or a CR that ends no line"))
            }
            if !line.isEmpty { lines.append(line) }
        }
        let words = lines[0].split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map(text)
        guard words.count == 3, !words[0].isEmpty, !words[1].isEmpty else {
            return .failure(Refusal(status: 400, reason: "the request line is malformed"))
        }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            return .failure(Refusal(status: 505, reason: "only HTTP/1.0 and HTTP/1.1 are spoken here"))
        }
        var request = HTTPRequest(method: words[0], target: words[1])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon != line.startIndex,
                !line[..<colon].contains(where: isBlank)
            else { return .failure(Refusal(status: 400, reason: "a header field is malformed")) }
            request.headers.add(text(line[..<colon]), text(trimmed(line[(colon + 1)...])))
        }
        if words[2] == "HTTP/1.0", request.headers["Connection"] == nil { request.headers["Connection"] = "close" }
        return .success(request)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// Without spaces and tabs at both ends.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) })
        else { return [] }
        return bytes[first...last]
    }
}
