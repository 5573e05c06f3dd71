import Testing

@testable import HTTP

@Suite struct HTTPRequestParserTests {
    /// Everything the parser says about `text`, fed in pieces of `size` bytes.
    private func steps(_ text: String, pieces size: Int, limits: HTTPLimits = HTTPLimits()) -> [HTTPRequestParser.Step] {
        var parser = HTTPRequestParser(limits: limits)
        var steps: [HTTPRequestParser.Step] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(size)
            piece.withUnsafeBufferPointer { parser.append($0.span) }
            while case let step = parser.next(), step != .needMore { steps.append(step) }
        }
        return steps
    }

    static let sizes = [1, 2, 3, 7, 100_000]

    @Test(arguments: sizes)
    func `a request with a body is read in any pieces, and the next one after it`(size: Int) {
        let text =
            "POST /webhook?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-A:  b c \r\n\r\nhelloGET / HTTP/1.1\r\n\r\n"
        let steps = steps(text, pieces: size)
        let first = HTTPRequest(
            method: "POST", target: "/webhook?a=b", headers: ["Host": "x", "Content-Length": "5", "X-A": "b c"],
            body: Array("hello".utf8))
        #expect(steps == [.request(first), .request(HTTPRequest(method: "GET", target: "/"))])
        #expect(first.path == "/webhook")
        #expect(first.query == "a=b")
        #expect(first.headers["x-a"] == "b c")
    }

    @Test func `a question mark divides a target whatever follows it`() {
        let accented = HTTPRequest(method: "GET", target: "/a?\u{301}=1?2")
        #expect(accented.path == "/a")
        #expect(Array(accented.query.utf8) == Array("\u{301}=1?2".utf8))
        #expect(HTTPRequest(method: "GET", target: "/a").query.isEmpty)
        #expect(HTTPRequest(method: "GET", target: "/a?").query.isEmpty)
    }

    @Test(arguments: sizes)
    func `chunks are joined and trailers dropped`(size: Int) {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
        guard case .request(let request) = steps(text, pieces: size).first else {
            Issue.record("no request was read")
            return
        }
        #expect(request.body == Array("abcde".utf8))
    }

    @Test func `a chunk's size may be followed by blanks`() {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3 \t; x\r\nabc\r\n0 \r\n\r\n"
        guard case .request(let request) = steps(text, pieces: 1).first else {
            Issue.record("no request was read")
            return
        }
        #expect(request.body == Array("abc".utf8))
    }

    @Test(arguments: sizes)
    func `a client that asks first is told to go on`(size: Int) {
        let steps = steps("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", pieces: size)
        #expect(steps.first == .wantsContinue)
        #expect(steps.count == 2)
    }

    @Test(arguments: [
        ("nonsense\r\n\r\n", 400), ("GET / HTTP/2.0\r\n\r\n", 505), ("GET / HTTP/1.1\r\nbad header: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nno colon\r\n\r\n", 400), ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nX\r\n7fffffffffffffff\r\n", 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nXX\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1 0\r\n0123456789abcdef\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chun\u{212A}ed\r\n\r\n0\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", 400), ("GET /\r HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nA: b\0c\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "e", count: 40_000)
                + "\r\na\r\n0\r\n\r\n", 431
        ),
        ("GET / HTTP/1.1\r\nA: " + String(repeating: "a", count: 40_000) + "\r\n\r\n", 431),
    ])
    func `what is not a request is refused with its status`(text: String, status: Int) {
        for size in [1, 100_000] {
            guard case .invalid(let found, _) = steps(text, pieces: size).last else {
                Issue.record("\(text.prefix(40)) was not refused")
                return
            }
            #expect(found == status)
        }
    }
}
