import Contract
import Crypto
import Testing

@testable import RPC

@Suite struct TokenFileTests {
    @Test func `a file's tokens are read, comments and blank lines are not`() throws {
        let text = """
            # who may call

            {"name":"web","sha256":"\(sha256("one"))","scopes":["read","write"]}\r
              {"scopes":["ingest"],"sha256":"\(sha256("two").uppercased())","name":"stripe/eu-1"}
              # {"name":"old"}
            """
        let table = try TokenFile.parse(text.utf8)
        #expect(table.count == 2)
        #expect(table.identify(authorization: "Bearer one") == Identity(name: "web", scopes: [.read, .write]))
        #expect(table.identify(authorization: "Bearer two") == Identity(name: "stripe/eu-1", scopes: [.ingest]))
    }

    @Test func `an empty file has no tokens, and lets nobody in`() throws {
        for text in ["", "\n", "# none\n"] {
            let table = try TokenFile.parse(text.utf8)
            #expect(table.count == 0)
            #expect(table.identify(authorization: "Bearer one") == nil)
        }
    }

    /// A line, with `H` for a good digest, and the messages about it.
    static let wrong: [(line: String, messages: [String])] = [
        ("nonsense", ["this is no strict JSON, from byte 0 of the line on"]),
        (#"{"name":"a","name":"b"}"#, ["this is no strict JSON, from byte 12 of the line on"]),
        (#"["a"]"#, ["a line holds one JSON object"]),
        ("{}", [#""name" is missing"#, #""sha256" is missing"#, #""scopes" is missing"#]),
        (
            #"{"name":1,"sha256":2,"scopes":3}"#,
            [#""name" must be a string"#, #""sha256" must be a string"#, #""scopes" must be an array"#]
        ),
        (#"{"name":"","sha256":"H","scopes":["read"]}"#, [#""name" must be 1 to 64 letters, digits or any of "-_.:@/""#]),
        (
            #"{"name":"a\nb","sha256":"H","scopes":["read"]}"#,
            [#""name" must be 1 to 64 letters, digits or any of "-_.:@/""#]
        ),
        (#"{"name":"a","sha256":"abc","scopes":["read"]}"#, [#""sha256" must be 64 hexadecimal digits"#]),
        (#"{"name":"a","sha256":"Hx","scopes":["read"]}"#, [#""sha256" must be 64 hexadecimal digits"#]),
        (#"{"name":"a","sha256":"H","scopes":[]}"#, [#""scopes" is empty: the token could do nothing"#]),
        (
            #"{"name":"a","sha256":"H","scopes":["read","admin",7]}"#,
            [
                #"element 1 of "scopes" is none of "read", "write", "ingest""#,
                #"element 2 of "scopes" is none of "read", "write", "ingest""#,
            ]
        ),
        (#"{"name":"a","sha256":"H","scopes":["read","read"]}"#, [#""scopes" has "read" twice"#]),
        (
            #"{"name":"a","sha256":"H","scopes":["read"],"scope":1,"token":"hunter2"}"#,
            [
                #"there is a member that is none of "name", "sha256" and "scopes""#,
                #"the file holds the SHA-256 of a token ("sha256"), never the token"#,
            ]
        ),
        (#"{"name":"first","sha256":"H","scopes":["read"]}"#, ["the name is that of line 1"]),
        (#"{"name":"again","sha256":"F","scopes":["read"]}"#, ["the token is that of line 1"]),
    ]

    @Test(arguments: wrong)
    func `every problem is reported with its line, and without what the line holds`(
        line: String, messages: [String]
    ) throws {
        let first = #"{"name":"first","sha256":"F","scopes":["read"]}"#
        let text = "\(first)\n# a comment\n\(line)\n{\n"
            .replacing(#":"F""#, with: #":"\#(sha256("first"))""#).replacing(#":"H"#, with: #":"\#(sha256("other"))"#)
        let error = try #require(throws: TokenFileError.self) { try TokenFile.parse(text.utf8) }
        let last = TokenFileError.Problem(line: 4, message: "this is no strict JSON, from byte 1 of the line on")
        #expect(error.problems == messages.map { .init(line: 3, message: $0) } + [last])
        for secret in [sha256("first"), sha256("other"), "hunter2"] { #expect(!error.description.contains(secret)) }
    }

    @Test func `a file has no more than a thousand tokens`() throws {
        let lines = (0...TokenFile.maximumTokens).map { number in
            #"{"name":"n\#(number)","sha256":"\#(sha256("\(number)"))","scopes":["read"]}"#
        }
        #expect(try TokenFile.parse(lines.dropLast().joined(separator: "\n").utf8).count == TokenFile.maximumTokens)
        let error = try #require(throws: TokenFileError.self) {
            try TokenFile.parse(lines.joined(separator: "\n").utf8)
        }
        #expect(error.problems.map(\.line) == [TokenFile.maximumTokens + 1])
    }
}

@Suite struct TokenTableTests {
    @Test(arguments: [
        ("Bearer s3cret", true), ("bearer s3cret", true), ("BEARER s3cret", true), ("Bearer   s3cret", true),
        ("Bearer s3cret ", false), ("Bearer S3CRET", false), ("Bearer s3cre", false), ("Bearer s3cret1", false),
        ("Bearers3cret", false), ("Basic s3cret", false), ("s3cret", false), ("Bearer ", false), ("Bearer", false),
        ("", false), (" Bearer s3cret", false), ("Bearer\0s3cret", false), ("Bearer\ts3cret", false),
    ])
    func `a token is known by the whole of it, after the scheme`(authorization: String, isKnown: Bool) throws {
        let lines = ["other", "s3cret", "third"].map { #"{"name":"\#($0)","sha256":"\#(sha256($0))","scopes":["read"]}"# }
        let table = try TokenFile.parse(lines.joined(separator: "\n").utf8)
        #expect(table.identify(authorization: authorization)?.name == (isKnown ? "s3cret" : nil))
    }

    @Test func `the longest token is known, and a longer one is nobody's`() throws {
        for (count, isKnown) in [(TokenTable.maximumTokenBytes, true), (TokenTable.maximumTokenBytes + 1, false)] {
            let token = String(repeating: "t", count: count)
            let table = try TokenFile.parse(#"{"name":"long","sha256":"\#(sha256(token))","scopes":["read"]}"#.utf8)
            #expect((table.identify(authorization: "Bearer \(token)") != nil) == isKnown)
        }
    }
}

@Suite struct AuthenticationLimiterTests {
    /// What happens, in order: how many failures of whom, when, and what is decided about whom afterwards.
    struct Row: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let failures: [(peer: String, at: Int64, count: Int)]
        let asked: (peer: String, at: Int64)
        let decision: AuthenticationLimiter.Decision
    }

    static let rows: [Row] = [
        Row(testDescription: "nothing yet", failures: [], asked: ("a", 0), decision: .check),
        Row(testDescription: "nine", failures: [("a", 0, 9)], asked: ("a", 5), decision: .check),
        Row(
            testDescription: "ten", failures: [("a", 1000, 10)], asked: ("a", 2000),
            decision: .refuse(retryAfterMilliseconds: 59_000)),
        Row(testDescription: "another peer", failures: [("a", 0, 10)], asked: ("b", 0), decision: .check),
        Row(
            testDescription: "the last moment", failures: [("a", 0, 10)], asked: ("a", 59_999),
            decision: .refuse(retryAfterMilliseconds: 1)),
        Row(testDescription: "a minute later", failures: [("a", 0, 10)], asked: ("a", 60_000), decision: .check),
        Row(
            testDescription: "the window begins with the first failure", failures: [("a", 0, 9), ("a", 59_000, 1)],
            asked: ("a", 59_500), decision: .refuse(retryAfterMilliseconds: 500)),
        Row(
            testDescription: "knocking does not prolong it", failures: [("a", 0, 10), ("a", 30_000, 1000)],
            asked: ("a", 60_000), decision: .check),
        Row(
            testDescription: "knocking does not count for all", failures: [("a", 0, 1000)], asked: ("b", 1),
            decision: .check),
        Row(
            testDescription: "a hundred in all", failures: (0..<20).map { ("peer \($0)", 0, 5) }, asked: ("b", 10_000),
            decision: .refuse(retryAfterMilliseconds: 50_000)),
        Row(
            testDescription: "ninety-nine in all", failures: (0..<99).map { ("peer \($0)", 0, 1) }, asked: ("b", 10_000),
            decision: .check),
        Row(
            testDescription: "the later end counts",
            failures: [("x", 0, 1), ("a", 20_000, 10)] + (0..<89).map { ("\($0)", 20_001, 1) },
            asked: ("a", 30_000), decision: .refuse(retryAfterMilliseconds: 50_000)),
    ]

    @Test(arguments: rows) func `failures are bounded by peer and in all`(row: Row) {
        var limiter = AuthenticationLimiter()
        for (peer, now, count) in row.failures { for _ in 0..<count { limiter.failed(peer: peer, now: now) } }
        #expect(limiter.decide(peer: row.asked.peer, now: row.asked.at) == row.decision)
    }

    @Test func `a hundred thousand guessers are not remembered`() {
        var limiter = AuthenticationLimiter()
        var most = 0
        for number in 0..<100_000 {
            limiter.failed(peer: "peer \(number)", now: Int64(number) * 10)
            most = max(most, limiter.rememberedPeers)
        }
        #expect(most > 0 && most <= 200)
    }
}

private func sha256(_ text: String) -> String { Encoding.hexadecimal(Digest.sha256(text.utf8)) }
