import DuesClient
import Foundation
import JSON
import Testing

/// What the client says of what it was given, which no driver shows.
@Suite struct DuesClientTests {
    @Test func `secrets are in no text`() {
        let result = CreateSubscriptionResult(raw: [
            "subscriptionId": "sub_1", "clientSecret": "pi_1_secret_2", "novelty": [["clientSecret": "pi_3_secret_4"]],
        ])
        #expect(result.clientSecret == "pi_1_secret_2")
        var dumped = ""
        dump(result, to: &dumped)
        for text in ["\(result)", String(reflecting: result), "\([result])", dumped] {
            #expect(!text.contains("_secret_"), "\(text)")
            #expect(text.contains("sub_1"), "\(text)")
        }
        let options = CallOptions(idempotencyKey: "key", authorization: "Bearer tok_1")
        dumped = ""
        dump(options, to: &dumped)
        for text in ["\(options)", String(reflecting: options), dumped] {
            #expect(!text.contains("tok_1"), "\(text)")
            #expect(text.contains("key"), "\(text)")
        }
        let dues = Dues(token: "tok_2")
        dumped = ""
        dump(dues, to: &dumped)
        for text in ["\(dues)", String(reflecting: dues), dumped] { #expect(!text.contains("tok_2"), "\(text)") }
    }

    @Test func `what the server leaves out is empty, and its new words stay`() {
        let access = CheckAccessResult(raw: ["reason": "NOVELTY", "since": "2026-04-01T00:00:00.250Z", "asOf": .null])
        #expect(!access.allowed)
        #expect(access.reason == "NOVELTY" && access.reason != .active)
        #expect(access.since?.timeIntervalSince1970 == 1_775_001_600.25)
        #expect(access.asOf == nil && access.status == nil)
        #expect(access.raw["reason"] == "NOVELTY")
    }

    @Test func `a line that is too long is not sent`() async throws {
        let payload = String(repeating: "x", count: 1 << 20)
        // A server that answers nothing but rpc.hello.
        let dues = Dues(
            .stdio(["/bin/sh", "-c", #"read line; echo '{"jsonrpc":"2.0","id":0,"result":{}}'; cat >/dev/null"#]))
        await #expect {
            try await dues.ingestWebhook(payload: payload, signature: "v1=0")
        } throws: {
            ($0 as? DuesError)?.reason == "LINE_TOO_LONG"
        }
        await dues.close()
        await #expect(throws: DuesError.self) { try await dues.rpcHealth() }
    }

    @Test func `a cancelled task has no answer, whatever it waits for`() async throws {
        // It never answers rpc.hello.
        let dues = Dues(.stdio(["/bin/sh", "-c", "cat >/dev/null"]))
        let call = Task { try await dues.rpcHealth() }
        let stream = Task { for try await _ in dues.watchEvents(after: 0) {} }
        try await Task.sleep(for: .milliseconds(100))
        call.cancel()
        stream.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        await #expect(throws: CancellationError.self) { try await stream.value }
        await dues.close()
    }
}
