import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// `dues record` and `dues replay` as a user meets them.
@Suite struct TranscriptCommandTests {
    private static let sandboxCommand = "\(DuesProcess.binary) stdio --sandbox --log error"

    @Test func `what is recorded over TCP comes true against another server, and what changed is shown`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/story.jsonl"
            let server = try DuesProcess()
            let proxy = try ChildProcess([
                DuesProcess.binary, "record", path, "--tcp", server.tcp.description, "--title", "Ada",
            ])
            let said = try JSONValue(parsing: try #require(try proxy.channel.receive(timeoutMilliseconds: 10_000)))
            let address = try #require(said["record"]?.stringValue.flatMap(SocketAddress.init))
            for round in 0..<2 {
                let client = try RPCClient(address)
                let customer = try client.call("CreateCustomer", ["email": "ada@example.com"])
                let question: JSONValue = [
                    "customerId": customer["customerId"] ?? .null, "productId": .string("prod_\(round)"),
                ]
                _ = try client.call("CheckAccess", question)
                client.close()
            }
            #expect(try eventually { try Scratch.text(of: path).contains("expectEnd") })
            proxy.signal(SIGTERM)
            #expect(proxy.wait(timeoutMilliseconds: 10_000) == 0)
            server.stop()
            #expect(try Scratch.text(of: path).contains(#""customerId":"${customerId}""#))

            let second = path.replacing(".jsonl", with: ".2.jsonl")
            let other = try DuesProcess()
            let flags = ["--tcp", other.tcp.description]
            let junit = path + ".xml"
            let again = try CommandRun(["replay", path, second, "--parallel", "2", "--junit", junit] + flags)
            #expect(again.output.hasSuffix("2 passed, 0 failed"), "\(again.output)\(again.errors)")
            #expect(try Scratch.text(of: junit).contains("tests=\"2\""))
            let changed = try Scratch.text(of: second).replacing("\"NO_SUBSCRIPTION\"", with: "\"ACTIVE\"")
            try Scratch.write(changed, to: second)
            let wrong = try CommandRun(["replay", second] + flags)
            #expect(wrong.status == 1 && wrong.output.hasSuffix("0 passed, 1 failed"))
            #expect(wrong.output.contains(#"/result/reason: expected "ACTIVE", got "NO_SUBSCRIPTION""#), "\(wrong.output)")
            let updated = try CommandRun(["replay", second, "--update"] + flags)
            #expect(updated.status == 0 && updated.output.contains("updated \(second)"), "\(updated.output)")
            #expect(try Scratch.text(of: second).contains(#""customerId":"${customerId}""#), "references stay")
            other.stop()
        }
    }

    @Test func `a host's conversation over standard streams is recorded, and nothing else is on them`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/stdio.jsonl"
            let lines = [
                #"{"jsonrpc":"2.0","id":1,"method":"rpc.hello","params":{"authorization":"Bearer tok_of_a_test"}}"#,
                #"{"jsonrpc":"2.0","id":2,"method":"CheckAccess","params":{"customerId":"cus_1","productId":"prod_1"}}"#,
                "nonsense",
            ]
            let recorded = try CommandRun(
                ["record", path, "--stdio", Self.sandboxCommand], input: lines.joined(separator: "\n") + "\n")
            #expect(recorded.status == 0 && recorded.errors.isEmpty, "\(recorded.errors)")
            #expect(recorded.output.split(separator: "\n").count == 3)
            let text = try Scratch.text(of: path)
            #expect(!text.contains("tok_of_a_test") && text.contains("Bearer ${token}"))
            let replayed = try CommandRun(["replay", path, "--stdio", Self.sandboxCommand, "--set", "token=another"])
            #expect(replayed.status == 0, "\(replayed.output)\(replayed.errors)")
        }
    }

    @Test func `a transcript that cannot be read is named with all that is wrong`() async throws {
        try await offPool {
            let path = try Scratch.directory() + "/wrong.jsonl"
            try Scratch.write("{\"send\":1,\"sned\":2}\nnonsense\n", to: path)
            let run = try CommandRun(["replay", path])
            #expect(run.status == 65)
            #expect(run.errors.contains("wrong.jsonl:1: ") && run.errors.contains("wrong.jsonl:2: "))
        }
    }
}
