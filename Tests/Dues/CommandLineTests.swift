import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// What a person at a shell meets.
@Suite struct CommandLineTests {
    @Test(arguments: [
        ["--help"], ["serve", "--help"], ["stdio", "--help"], ["sandbox", "--help"], ["call", "--help"],
        ["schema", "--help"],
        ["tour", "--help"], ["call", "-h"], ["record", "--help"], ["replay", "--help"],
        ["reconcile", "--help"], ["rebuild", "--help"], ["backup", "--help"],
    ])
    func `help is there for every command, on standard output`(words: [String]) async throws {
        try await offPool {
            let run = try CommandRun(words)
            #expect(run.status == 0)
            #expect(run.output.contains("Usage: dues"))
            #expect(run.errors.isEmpty)
        }
    }

    @Test(arguments: [
        (["nonsense"], "no command"), (["serve", "--nonsense"], "no flag --nonsense"),
        (["serve", "--tcp"], "needs a value"),
        (["serve", "--sandbox", "--tcp", "nowhere"], "HOST:PORT"), (["serve", "--sandbox=1"], "takes no value"),
        (["serve"], "STRIPE_SECRET_KEY is not set"), (["serve", "--sandbox", "--db", "x"], "sqlite:PATH"),
        (["serve", "--sandbox", "--tcp", "0.0.0.0:0"], "--tokens"),
        (["serve", "--sandbox", "--tcp", "0.0.0.0:0", "--tokens", "x"], "--insecure-plaintext"),
        (["serve", "--sandbox", "--http", "0.0.0.0:0"], "--insecure-plaintext"),
        (["serve", "--sandbox", "--sandbox-http", "0.0.0.0:0"], "loopback"),
        (["serve", "--sandbox", "--unix-mode", "600"], "--unix-mode is for --unix"),
        (["serve", "--sandbox", "--unix", "x", "--unix-mode", "9"], "octal"),
        (["serve", "--sandbox", "operand"], "takes no operand"), (["serve", "--sandbox", "--loops", "0"], "from 1 to 256"),
        (["serve", "--sandbox", "--poll-seconds", "86401"], "from 0 to 86400"),
        (["serve", "--sandbox", "--stripe-base", "http://127.0.0.1:1"], "together"), (["call"], "METHOD"),
        (["call", "ListPlans", "{"], "not valid JSON"), (["serve", "--sandbox", "--log", "loud"], "debug, info"),
        (["replay"], "dues replay FILE"), (["replay", "--tcp", "127.0.0.1:1", "--unix", "x", "y"], "give one"),
        (["replay", "--set", "name", "y"], "NAME=VALUE"), (["record"], "dues record FILE"),
        (["record", "x", "--listen", "0.0.0.0:0"], "loopback"),
        (["record", "x", "--stdio", "cat", "--tcp", "127.0.0.1:1"], "--tcp is for"),
        (["serve", "--sandbox", "--stripe-account", "acct_1"], "together"),
        (["serve", "--sandbox", "--stripe-ca", "x"], "together"),
        (["serve", "--sandbox", "--journal-days", "30"], "from 31 to"), (["rebuild"], "--db is needed"),
        (["rebuild", "--db", "sqlite:x", "--customer", "cus_1"], "--customer goes with --at"),
        (["rebuild", "--db", "sqlite:x", "--at", "noon"], "--at must be a time"),
        (["rebuild", "--db", "sqlite:x", "--at", "1"], "--at needs --customer"), (["backup", "x"], "--db is needed"),
        (["backup", "--db", "sqlite:x"], "dues backup"), (["reconcile", "--rate", "0"], "from 1 to"),
        (["reconcile", "operand"], "takes no operand"),
        (["schema", "Nothing"], "there are CreateCustomer"), (["sandbox", "--http", "0.0.0.0:0"], "loopback"),
    ])
    func `a wrong command line is refused with the reason, and status 64`(words: [String], reason: String) async throws {
        try await offPool {
            let run = try CommandRun(words, environment: ["STRIPE_SECRET_KEY": ""])
            #expect(run.status == 64)
            #expect(run.errors.contains(reason), "\(words): \(run.errors)")
            #expect(run.output.isEmpty)
        }
    }

    @Test(arguments: [
        (["serve", "--sandbox"], "sk_test_1", "--sandbox and STRIPE_SECRET_KEY together"),
        (["serve"], "sk_live_1234567890", "--live"), (["serve"], "rk_live_1234567890", "--live"),
        (["serve"], "pk_test_1", "not a secret key"),
    ])
    func `a key that should not be there is refused, and not repeated`(words: [String], key: String, reason: String)
        async throws
    {
        try await offPool {
            let run = try CommandRun(words, environment: ["STRIPE_SECRET_KEY": key])
            #expect(run.status == 64)
            #expect(run.errors.contains(reason))
            #expect(!run.errors.contains(key))
        }
    }

    @Test func `the version and the schema are printed`() async throws {
        try await offPool {
            #expect(try CommandRun(["--version"]).output.hasPrefix("dues "))
            let document = try JSONValue(parsing: try CommandRun(["schema"]).output)
            #expect(document["openrpc"]?.stringValue?.hasPrefix("1.") == true)
            #expect(try JSONValue(parsing: try CommandRun(["schema", "CheckAccess"]).output)["name"] == "CheckAccess")
        }
    }

    @Test func `a call prints its result, and a failure its status`() async throws {
        try await offPool {
            let server = try DuesProcess()
            let tcp = ["--tcp", server.tcp.description]
            let plans = try CommandRun(["call", "ListPlans"] + tcp)
            #expect(plans.status == 0)
            #expect(try JSONValue(parsing: plans.output)["plans"]?.arrayValue?.count == 2)
            let piped = try CommandRun(["call", "CreateCustomer", "-"] + tcp, input: #"{"email":"ada@example.com"}"#)
            #expect(try JSONValue(parsing: piped.output)["customer"]?["email"] == "ada@example.com")
            let cases: [([String], Int32, String)] = [
                (["GetSubscription", #"{"subscriptionId":"sub_1"}"#], 5, "NOT_FOUND (NO_SUCH_SUBSCRIPTION)"),
                (["GetSubscription", #"{"subscriptionID":"sub_1"}"#], 3, "did you mean \"subscriptionId\"?"),
                (["Nonsense"], 12, "UNIMPLEMENTED"),
            ]
            for (words, status, text) in cases {
                let run = try CommandRun(["call"] + words + tcp)
                #expect(run.status == status)
                #expect(run.errors.contains(text), "\(run.errors)")
                #expect(run.output.isEmpty)
            }
            server.stop()
            let unreachable = try CommandRun(["call", "ListPlans"] + tcp)
            #expect(unreachable.status == 14)
            #expect(unreachable.errors.contains("dues serve --sandbox"))
        }
    }

    @Test func `a call can start a server of its own`() async throws {
        try await offPool {
            let run = try CommandRun(["call", "ListPlans", "--stdio", "--sandbox"])
            #expect(run.status == 0)
            #expect(try JSONValue(parsing: run.output)["plans"]?.arrayValue?.count == 2)
        }
    }

    @Test func `lines from a file are answered, and standard output holds nothing else`() async throws {
        try await offPool {
            let directory = try Scratch.directory()
            let input =
                #"{"jsonrpc":"2.0","id":1,"method":"rpc.hello"}"# + "\n\n" + "nonsense\n"
                + #"{"jsonrpc":"2.0","id":"last","method":"ListPlans"}"#
            let file = try #require(fopen("\(directory)/input", "w"))
            fputs(input, file)
            fclose(file)
            let child = try ChildProcess([
                "/bin/sh", "-c",
                "\(DuesProcess.binary) stdio --sandbox --log error <\(directory)/input >\(directory)/output",
            ])
            #expect(child.wait(timeoutMilliseconds: 20_000) == 0)
            let lines = try Scratch.text(of: "\(directory)/output").split(separator: "\n").map {
                try JSONValue(parsing: String($0))
            }
            #expect(lines.count == 3)
            #expect(lines.contains { $0["id"] == 1 && $0["result"]?["mode"] == "sandbox" })
            #expect(lines.contains { $0["error"]?["code"] == -32700 })
            #expect(lines.contains { $0["id"] == "last" && $0["result"] != nil })
        }
    }

    @Test func `SIGTERM ends serve, stdio and sandbox with status 0`() async throws {
        try await offPool {
            for words in [
                ["serve", "--sandbox", "--tcp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--sandbox-http", "127.0.0.1:0"],
                ["stdio", "--sandbox"], ["sandbox", "--http", "127.0.0.1:0"],
            ] {
                let child = try ChildProcess(
                    [DuesProcess.binary] + words + (words[0] == "sandbox" ? [] : ["--log", "error"]))
                if words[0] == "stdio" {
                    try child.channel.send(Array(#"{"jsonrpc":"2.0","id":1,"method":"rpc.hello"}"#.utf8))
                }
                #expect(try child.channel.receive(timeoutMilliseconds: 20_000) != nil)
                child.signal(SIGTERM)
                #expect(child.wait(timeoutMilliseconds: 15_000) == 0, "\(words[0])")
            }
        }
    }
}
