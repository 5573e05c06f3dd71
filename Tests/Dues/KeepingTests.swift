import EventLoop
import JSON
import RPC
import TestSupport
import Testing

/// What keeps a database right, and gets it back: reconcile, rebuild and backup, on the real binary.
@Suite struct KeepingTests {
    private static func lines(_ run: CommandRun) throws -> [JSONValue] {
        try run.output.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    @Test func `dues reconcile finds what was missed while nobody listened`() async throws {
        try await offPool {
            let sandbox = try SandboxProcess()
            let database = "sqlite:\(try Scratch.directory())/dues.db"
            let server = try DuesProcess(
                ["--stripe-base", sandbox.url, "--db", database, "--poll-seconds", "0"],
                environment: ["STRIPE_SECRET_KEY": sandbox.secretKey])
            let who = try sandbox.subscribe()
            let tcp = ["--tcp", server.tcp.description]
            let first = try CommandRun(["reconcile"] + tcp)
            #expect(first.status == 0)
            #expect(first.errors.contains("corrected 3\n"))
            #expect(Set(try Self.lines(first).compactMap { $0["objectType"]?.stringValue }) == ["customer", "subscription", "invoice"])
            let again = try CommandRun(["reconcile", "--rate", "1000"] + tcp)
            #expect(again.status == 0 && again.output.isEmpty)
            _ = try sandbox.api.delete("/v1/subscriptions/\(who.subscription)")
            let one = try CommandRun(["reconcile", "--customer", who.customer] + tcp)
            #expect(
                try Self.lines(one).contains {
                    $0["objectId"]?.stringValue == who.subscription && $0["found"] == "DIFFERENT"
                })
            let client = try server.client()
            let access = try client.call(
                "CheckAccess", ["customerId": .string(who.customer), "productId": .string(who.product)])
            #expect(access["reason"] == "CANCELED")
            let nobody = try CommandRun(["reconcile", "--customer", "cus_none"] + tcp)
            #expect(nobody.status == 5 && nobody.errors.contains("NO_SUCH_CUSTOMER"))
            let lost = try CommandRun(["reconcile", "--cursor", "lost"] + tcp)
            #expect(lost.status == 3 && lost.errors.contains("another walk goes on with --cursor lost"))
            server.stop()
            sandbox.stop()
        }
    }

    @Test func `a backup of a database in use is one to go on from, and a rebuild of it finds nothing`() async throws {
        try await offPool {
            let sandbox = try SandboxProcess()
            let folder = try Scratch.directory()
            let environment = ["STRIPE_SECRET_KEY": sandbox.secretKey]
            let flags = ["--stripe-base", sandbox.url, "--poll-seconds", "1"]
            let server = try DuesProcess(flags + ["--db", "sqlite:\(folder)/dues.db"], environment: environment)
            let client = try server.client()
            let who = try sandbox.subscribe()
            let question: JSONValue = ["customerId": .string(who.customer), "productId": .string(who.product)]
            #expect(try eventually { try client.call("CheckAccess", question)["allowed"] == true })
            let backup = try CommandRun(["backup", "--db", "sqlite:\(folder)/dues.db", "\(folder)/copy.db"])
            #expect(backup.status == 0 && backup.output.hasPrefix("\(folder)/copy.db"), "\(backup.errors)")
            let again = try CommandRun(["backup", "--db", "sqlite:\(folder)/dues.db", "\(folder)/copy.db"])
            #expect(again.status == 1 && again.errors.contains("exists already"))
            let none = try CommandRun(["backup", "--db", "sqlite:\(folder)/none.db", "\(folder)/none.copy"])
            #expect(none.status == 1 && none.errors.contains("there is no database"))
            let rebuilt = try CommandRun(["rebuild", "--db", "sqlite:\(folder)/copy.db"])
            let result = try JSONValue(parsing: rebuilt.output)
            #expect(rebuilt.status == 0 && result["differing"] == [] && (result["changes"]?.integerValue ?? 0) > 3)
            let shown = try JSONValue(
                parsing: try CommandRun([
                    "rebuild", "--db", "sqlite:\(folder)/copy.db", "--customer", who.customer, "--at",
                    "2100-01-01T00:00:00Z",
                ]).output)
            #expect(shown["subscriptions"]?[0]?["id"]?.stringValue == who.subscription)
            #expect(shown["access"]?[0]?["productId"]?.stringValue == who.product)
            server.stop()
            _ = try sandbox.api.delete("/v1/subscriptions/\(who.subscription)")
            let second = try DuesProcess(flags + ["--db", "sqlite:\(folder)/copy.db"], environment: environment)
            let other = try second.client()
            #expect(try eventually { try other.call("CheckAccess", question)["allowed"] == false })
            second.stop()
            sandbox.stop()
        }
    }
}
