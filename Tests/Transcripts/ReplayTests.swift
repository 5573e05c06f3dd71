import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

@testable import Transcripts

/// Transcripts against a server that has nothing to do with billing: a few lines of shell.
@Suite struct ReplayTests {
    /// Answers each line by what a small program makes of it.
    private static func server(_ script: String) -> ReplayTarget { .stdio(command: "/bin/sh -c '\(script)'") }

    /// Answers every line with itself.
    private static let echo = server("exec cat")

    private static func run(
        _ rows: [String], on target: ReplayTarget = echo, updating: Bool = false, available: Set<String> = []
    ) throws -> Replay.Outcome {
        var replay = Replay(target, variables: Variables(["who": "Ada"]), available: available)
        replay.isUpdating = updating
        let text = rows.joined(separator: "\n") + "\n"
        return try #require(try replay.run([try Transcript(name: "t.jsonl", text: text)]).first)
    }

    private static func failure(_ outcome: Replay.Outcome) -> ReplayFailure? {
        if case .failed(let failure) = outcome.result { failure } else { nil }
    }

    @Test func `a conversation that comes true passes, whatever the order of its answers`() async throws {
        try await offPool {
            let outcome = try Self.run([
                #"{"send":{"id":1,"result":"${who} ${unique}"}}"#, #"{"send":{"id":2,"result":[1]}}"#,
                #"{"send":"[{\"a\":1}]"}"#,
                #"{"send":{"method":"rpc.stream","params":{"id":2,"value":7}}}"#,
                #"{"expect":{"method":"rpc.stream","params":{"id":2,"value":7}}}"#,
                #"{"expect":{"id":2,"result":{"$capture":"list"}}}"#, #"{"expect":[{"a":1}]}"#,
                #"{"expect":{"id":1,"result":{"$prefix":"${who} "}}}"#, #"{"send":{"id":3,"result":"${list}"}}"#,
                #"{"expect":{"id":3,"result":[1]}}"#, #"{"end":true}"#, #"{"expectEnd":true}"#,
            ])
            #expect(Self.failure(outcome) == nil, "\(ReplayReport.text(outcome))")
        }
    }

    @Test(arguments: [
        ([#"{"send":{"id":1,"result":1}}"#, #"{"expect":{"id":1,"result":2}}"#], 2, "/result: expected 2, got 1"),
        ([#"{"send":{"id":1,"method":"M"}}"#], 1, "no line asks for the answer to the call 1"),
        (
            [#"{"send":{"id":1,"result":1}}"#, #"{"send":{"id":2,"result":1}}"#, #"{"expect":{"id":2,"result":1}}"#], 3,
            "no line asked for it"
        ),
        ([#"{"expect":{"id":1},"withinMs":40}"#], 1, "nothing came within 40 ms"),
        ([#"{"send":{"id":2}}"#, #"{"expect":{"id":1},"withinMs":40}"#], 2, #"nobody asked for it: {"id":2}"#),
        ([#"{"end":true}"#, #"{"expect":{"id":1}}"#], 2, "the server closed the connection"),
        ([#"{"expectEnd":true,"withinMs":40}"#], 1, "did not end within 40 ms"),
        ([#"{"send":{"id":1,"a":"${nobody}"}}"#], 1, "${nobody} stands for nothing"),
        ([#"{"send":"nonsense"}"#, #"{"expect":{"id":1}}"#], 2, "byte 0"),
    ])
    func `what does not come true is named by its line and place`(rows: [String], line: Int, problem: String) async throws {
        try await offPool {
            let outcome = try Self.run(rows)
            let failure = try #require(Self.failure(outcome))
            #expect(failure.line == line)
            #expect(ReplayReport.text(outcome).contains(problem), "\(ReplayReport.text(outcome))")
        }
    }

    @Test func `what comes true in the end is asked for again until it does`() async throws {
        try await offPool {
            let counter = Self.server(#"n=0; while read -r line; do n=$((n+1)); echo "{\"id\":1,\"result\":$n}"; done"#)
            let rows = [#"{"send":{"id":1}}"#, #"{"expect":{"id":1,"result":4},"eventually":true}"#]
            let inTheEnd = try Self.run(rows, on: counter)
            #expect(Self.failure(inTheEnd) == nil)
            let never = [#"{"send":{"id":1}}"#, #"{"expect":{"id":1,"result":0},"eventually":true,"withinMs":150}"#]
            let tooLate = try Self.run(never, on: counter)
            #expect(Self.failure(tooLate)?.line == 2)
        }
    }

    @Test func `steps are HTTP requests, whose answers are compared and captured`() async throws {
        try await offPool {
            let web = SocketServer { request in
                let isReady = request.number > 1
                return [.reply(isReady ? 200 : 503, body: isReady ? #"{"id":"x_1"}"# : "")]
            }
            let outcome = try Self.run([
                #"{"step":{"post":"\#(web.base)/v1/things","form":{"a b":"${who}&","n":1},"expect":{"body":{"id":{"$capture":"id"}}},"eventually":true}}"#,
                #"{"step":{"put":"\#(web.base)/${id}","json":{"who":"${who}"},"headers":{"X-Who":"${who}"},"expect":{"status":200}}}"#,
            ])
            #expect(Self.failure(outcome) == nil, "\(ReplayReport.text(outcome))")
            let last = try #require(web.received.last)
            #expect(last.requestLine.hasPrefix("PUT /x_1 ") && last.header("X-Who") == "Ada")
            #expect(String(decoding: last.body, as: UTF8.self) == #"{"who":"Ada"}"#)
            let first = try #require(web.received.first)
            #expect(String(decoding: first.body, as: UTF8.self) == "a%20b=Ada%26&n=1")
            #expect(web.received.count == 4)
            let wrong = try Self.run([#"{"step":{"get":"\#(web.base)/","expect":{"status":404}}}"#])
            #expect(Self.failure(wrong)?.differences.first?.problem.contains("expected the status 404, got 200") == true)
            web.stop()
        }
    }

    @Test func `updating writes what came, and nothing else changes`() async throws {
        try await offPool {
            let rows = [
                "# kept", #"{"send":{"id":1,"result":{"a":1,"id":"x_1","secret":"s3cret"}}}"#,
                #"{"expect":{"id":1,"result":{"a":2,"id":{"$prefix":"x_"}}},"withinMs":5000}"#,
            ]
            let outcome = try Self.run(rows, updating: true)
            #expect(Self.failure(outcome) == nil, "\(ReplayReport.text(outcome))")
            let updated = outcome.transcript.text.split(separator: "\n").map(String.init)
            #expect(Array(updated[..<2]) == Array(rows[..<2]))
            #expect(
                updated[2]
                    == #"{"expect":{"id":1,"result":{"a":1,"id":{"$prefix":"x_"},"secret":{"$type":"string"}}},"withinMs":5000}"#
            )
            let again = try Self.run(updated)
            #expect(Self.failure(again) == nil)
        }
    }

    @Test func `what is needed and not there is skipped, and all is counted`() async throws {
        try await offPool {
            let needy = [#"{"transcript":{"title":"<needy> & \"co\"","needs":["magic"]}}"#]
            let skipped = try Self.run(needy)
            let passed = try Self.run(needy, available: ["magic"])
            let failed = try Self.run([#"{"expect":{"id":1},"withinMs":1}"#])
            let unreachable = try Self.run([], on: .unix(path: "/nonexistent/socket"))
            let outcomes = [skipped, passed, failed, unreachable]
            #expect(ReplayReport.summary(outcomes) == "1 passed, 2 failed, 1 skipped\n")
            #expect(ReplayReport.failures(outcomes) == 2)
            let xml = ReplayReport.junit(outcomes)
            #expect(xml.contains(#"<testsuite name="transcripts" tests="4" failures="2" skipped="1" errors="0""#))
            #expect(xml.contains(#"name="&lt;needy&gt; &amp; &quot;co&quot;""#))
            #expect(xml.contains("<failure message=\"(all): expected an answer with the id 1"))
        }
    }

    @Test func `many play at the same time, each on a connection of its own`() async throws {
        try await offPool {
            let slow = Self.server("sleep 1; exec cat")
            let text = #"{"send":{"id":1}}"# + "\n" + #"{"expect":{"id":1}}"# + "\n"
            let transcripts = try (0..<8).map { try Transcript(name: "t\($0)", text: text) }
            var replay = Replay(slow)
            replay.concurrency = 8
            let begun = EventLoop.monotonicMilliseconds()
            let outcomes = try replay.run(transcripts)
            #expect(outcomes.map(\.transcript.name) == (0..<8).map { "t\($0)" })
            #expect(ReplayReport.failures(outcomes) == 0)
            #expect(EventLoop.monotonicMilliseconds() - begun < 7000, "eight sleeps of a second, side by side")
        }
    }
}
