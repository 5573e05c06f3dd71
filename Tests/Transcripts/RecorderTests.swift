import EventLoop
import JSON
import RPC
import TestSupport
import Testing

@testable import Transcripts

@Suite struct RecorderTests {
    private static func recorded(_ body: (Recorder) throws -> Void) throws -> [String] {
        let path = try Scratch.directory() + "/story.jsonl"
        let recorder = try Recorder(path: path, title: "A story")
        try body(recorder)
        #expect(!recorder.hasFailed)
        return try Scratch.text(of: path).split(separator: "\n").map(String.init)
    }

    @Test func `ids, times and what is made up become matchers and references`() throws {
        let rows = try Self.recorded { recorder in
            recorder.sent(Array(#"{"id":1,"params":{"email":"a@b.c","key":"5f2b8a6c9d3e4f1a7b8c"}}"#.utf8))
            recorder.received(
                Array(
                    #"{"id":1,"result":{"customerId":"cus_Ab12Cd34","created":"2026-04-01T00:00:00Z","at":1760000000}}"#
                        .utf8))
            recorder.sent(
                Array(#"{"id":2,"params":{"customerId":"cus_Ab12Cd34","key":"up-cus_Ab12Cd34","n":1760000000}}"#.utf8))
            recorder.received(
                Array(
                    #"{"id":2,"result":{"id":"cus_Ab12Cd34","other":"cus_Zz98Yy76","status":"charge_automatically"}}"#.utf8)
            )
            recorder.clientEnded()
        }
        #expect(
            rows == [
                #"{"transcript":{"title":"A story"}}"#,
                #"{"send":{"id":1,"params":{"email":"a@b.c","key":"${unique}-1"}}}"#,
                #"{"expect":{"id":1,"result":{"customerId":{"$prefix":"cus_","$capture":"customerId"},"created":{"$pattern":"^\\d{4}-\\d\\d-\\d\\dT"},"at":{"$type":"integer"}}}}"#,
                #"{"send":{"id":2,"params":{"customerId":"${customerId}","key":"up-${customerId}","n":1760000000}}}"#,
                #"{"expect":{"id":2,"result":{"id":"${customerId}","other":{"$prefix":"cus_","$capture":"other"},"status":"charge_automatically"}}}"#,
                #"{"end":true}"#,
            ])
    }

    @Test func `secrets are not written down, whoever says them`() throws {
        let secrets = ["tok_very_secret_1", "pi_1Ab_secret_9Zz", "sk_live_abcdef", "whsec_zzz", "hunter2"]
        let rows = try Self.recorded { recorder in
            recorder.sent(
                Array(#"{"id":1,"params":{"authorization":"Bearer tok_very_secret_1","password":"hunter2"}}"#.utf8))
            recorder.received(
                Array(#"{"id":1,"result":{"clientSecret":"pi_1Ab_secret_9Zz","note":"key sk_live_abcdef"}}"#.utf8))
            recorder.sent(Array(#"{"id":2,"params":{"again":"pi_1Ab_secret_9Zz","webhook":"whsec_zzz"}}"#.utf8))
            recorder.sent(Array(#"{oops "sk_live_abcdef""#.utf8))
            recorder.sent([0xFF, 0xFE])
        }
        let text = rows.joined(separator: "\n")
        for secret in secrets { #expect(!text.contains(secret), "\(secret)") }
        #expect(text.contains(#""authorization":"Bearer ${token}""#) && text.contains(#""again":"${clientSecret}""#))
        #expect(rows.last == #"{"comment":"the client sent 2 bytes that are not UTF-8"}"#)
    }

    @Test func `what a proxy records comes true when it is replayed`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/story.jsonl"
            let command =
                #"/bin/sh -c 'while read -r line; do echo "{\"id\":1,\"result\":{\"thingId\":\"thing_A1b2C3$$\"}}"; done'"#
            do {
                let recorder = try Recorder(path: path, title: "Things")
                let server = try ChildProcess(shell: command)
                let client = try ChildProcess(shell: #"/bin/sh -c 'echo "{\"id\":1,\"method\":\"Make\"}"; read -r answer'"#)
                try RecordingProxy(client: client.channel, server: server.channel, recorder: recorder).run()
            }
            let transcript = try Transcript(name: "story", text: try Scratch.text(of: path))
            #expect(transcript.lines.count == 5, "\(transcript.text)")
            let outcome = try #require(try Replay(.stdio(command: command)).run([transcript]).first)
            guard case .passed = outcome.result else { throw TranscriptError(problems: [ReplayReport.text(outcome)]) }
        }
    }
}
