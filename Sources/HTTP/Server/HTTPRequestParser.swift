/// HTTP/1.1 requests out of bytes, in whatever pieces they arrive: a state machine without I/O (RFC 9112).
///
/// Feed bytes with `append`, then call `next` until it answers `.needMore`. After `.invalid` the connection is to be closed:
/// where the next request would start is no longer known.
struct HTTPRequestParser {
    private let limits: HTTPLimits
    private var buffer: [UInt8] = []
    private var state = State.head
    /// How far the buffer was searched for the end of the head, and where its current line starts: a head that comes byte by
    /// byte is searched once.
    private var searched = 0
    private var lineStart = 0

    private enum State {
        case head
        case body(HTTPRequest, remaining: Int)
        case chunkSize(HTTPRequest)
        case chunkData(HTTPRequest, remaining: Int)
        case trailer(HTTPRequest)
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
        if case .head = state { return !buffer.isEmpty }
        return true
    }

    mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { buffer.append(contentsOf: $0) }
    }

    mutating func next() -> Step {
        while true {
            switch state {
            case .head:
                // RFC 9112 section 2.2: empty lines before a request are to be ignored.
                let blank = buffer.prefix { $0 == 0x0D || $0 == 0x0A }.count
                buffer.removeFirst(blank)
                if blank > 0 { (searched, lineStart) = (0, 0) }
                guard let end = endOfHead() else {
                    return buffer.count > limits.headBytes ? fail(431, "the header is too large") : .needMore
                }
                guard end <= limits.headBytes else { return fail(431, "the header is too large") }
                let head = Array(buffer[..<end])
                buffer.removeFirst(end)
                (searched, lineStart) = (0, 0)
                if let step = startBody(of: head) { return step }
            case .body(var request, let remaining):
                let taken = min(remaining, buffer.count)
                request.body.append(contentsOf: buffer[..<taken])
                buffer.removeFirst(taken)
                if taken == remaining { return finish(request) }
                state = .body(request, remaining: remaining - taken)
                return .needMore
            case .chunkSize(let request):
                guard let line = takeLine() else { return lineMissing() }
                let digits = line.prefix { $0 != UInt8(ascii: ";") }
                guard let size = Int(String(decoding: digits, as: UTF8.self).trimmed, radix: 16), size >= 0 else {
                    return fail(400, "a chunk's size is not a number")
                }
                guard request.body.count + size <= limits.bodyBytes else { return fail(413, "the body is too large") }
                state = size == 0 ? .trailer(request) : .chunkData(request, remaining: size)
            case .chunkData(var request, let remaining):
                guard buffer.count >= remaining + 2 else { return .needMore }
                request.body.append(contentsOf: buffer[..<remaining])
                guard buffer[remaining] == 0x0D, buffer[remaining + 1] == 0x0A else {
                    return fail(400, "a chunk does not end where its size says")
                }
                buffer.removeFirst(remaining + 2)
                state = .chunkSize(request)
            case .trailer(let request):
                guard let line = takeLine() else { return lineMissing() }
                if line.isEmpty { return finish(request) }
            case .failed: return .needMore
            }
        }
    }

    private mutating func finish(_ request: HTTPRequest) -> Step {
        state = .head
        return .request(request)
    }

    private mutating func fail(_ status: Int, _ reason: String) -> Step {
        state = .failed
        buffer = []
        return .invalid(status: status, reason: reason)
    }

    // MARK: Lines

    /// The offset past the empty line that ends the head.
    private mutating func endOfHead() -> Int? {
        while searched < buffer.count {
            defer { searched += 1 }
            guard buffer[searched] == 0x0A else { continue }
            let length = searched - lineStart
            let isEmpty = length == 0 || (length == 1 && buffer[lineStart] == 0x0D)
            let next = searched + 1
            lineStart = next
            if isEmpty { return next }
        }
        return nil
    }

    private mutating func takeLine() -> [UInt8]? {
        guard let end = buffer.firstIndex(of: 0x0A) else { return nil }
        var line = Array(buffer[..<end])
        if line.last == 0x0D { line.removeLast() }
        buffer.removeFirst(end + 1)
        return line
    }

    private mutating func lineMissing() -> Step {
        buffer.count > limits.headBytes ? fail(431, "a line is too long") : .needMore
    }

    // MARK: Head

    /// Reads the head and enters the state of its body; answers a step where the caller has something to do first.
    private mutating func startBody(of head: [UInt8]) -> Step? {
        switch Self.parseHead(head) {
        case .failure(let refusal): return fail(refusal.status, refusal.reason)
        case .success(let request):
            let codings = request.headers.values("Transfer-Encoding")
            let lengths = Set(request.headers.values("Content-Length"))
            if !codings.isEmpty {
                // Both at once is how requests are smuggled past a proxy (RFC 9112 section 6.3).
                guard lengths.isEmpty, codings.count == 1, codings[0].lowercased() == "chunked" else {
                    return fail(400, "the body's length is ambiguous")
                }
                state = .chunkSize(request)
            } else if let text = lengths.first {
                guard lengths.count == 1, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let length = Int(text) else {
                    return fail(400, "Content-Length is not one number")
                }
                guard length <= limits.bodyBytes else { return fail(413, "the body is too large") }
                state = .body(request, remaining: length)
            } else {
                state = .body(request, remaining: 0)
            }
            return request.headers["Expect"]?.lowercased() == "100-continue" ? .wantsContinue : nil
        }
    }

    private struct Refusal: Error {
        let status: Int
        let reason: String
    }

    private static func parseHead(_ head: [UInt8]) -> Result<HTTPRequest, Refusal> {
        let lines = String(decoding: head, as: UTF8.self).split(omittingEmptySubsequences: true) { $0 == "\n" || $0 == "\r\n" }
        let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, !words[0].isEmpty, !words[1].isEmpty else {
            return .failure(Refusal(status: 400, reason: "the request line is malformed"))
        }
        guard words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            return .failure(Refusal(status: 505, reason: "only HTTP/1.0 and HTTP/1.1 are spoken here"))
        }
        var request = HTTPRequest(method: String(words[0]), target: String(words[1]))
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex,
                !line[..<colon].contains(where: { $0 == " " || $0 == "\t" })
            else { return .failure(Refusal(status: 400, reason: "a header field is malformed")) }
            request.headers.add(String(line[..<colon]), String(line[line.index(after: colon)...]).trimmed)
        }
        if words[2] == "HTTP/1.0", request.headers["Connection"] == nil { request.headers["Connection"] = "close" }
        return .success(request)
    }
}

extension String {
    /// Without spaces and tabs at both ends.
    fileprivate var trimmed: String {
        let isBlank = { (character: Character) in character == " " || character == "\t" }
        guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) }) else { return "" }
        return String(self[first...last])
    }
}
