import Contract
import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

@testable import Store

/// The real binary under load, killed at random moments, and before disks that fail: what it answered is there, what it did not
/// answer is done once when it is asked again, and the database is whole.
///
/// `DUES_CRASHES` says how often it is killed.
@Suite struct CrashTests {
    /// A sandbox and a database that outlive every server.
    private final class Scene {
        let sandbox: SandboxProcess
        let database: String
        let load = CrashLoad()

        init(folder: String) throws {
            sandbox = try SandboxProcess()
            database = "\(folder)/dues.db"
        }

        func start() throws -> DuesProcess {
            try DuesProcess(
                ["--stripe-base", sandbox.url, "--db", "sqlite:\(database)"],
                environment: [
                    "STRIPE_SECRET_KEY": sandbox.secretKey, "STRIPE_WEBHOOK_SECRET": DuesProcess.webhookSecret,
                ])
        }

        /// What is in the database, as it lies there.
        func check(_ promises: CrashLoad.Promises) throws {
            let reader = try SQLiteDatabase(path: database, access: .readOnly)
            #expect(try reader.rows("PRAGMA integrity_check") { $0.text(0) } == ["ok"])
            let kept = Set(try reader.rows("SELECT id FROM events") { $0.text(0) })
            let lost = promises.events.subtracting(kept)
            #expect(lost.isEmpty, "answered 200 and lost: \(lost.sorted().prefix(5))")
            let replies = try reader.first("SELECT count(*) FROM intents WHERE reply IS NOT NULL") { $0.integer(0) } ?? 0
            #expect(replies >= Int64(promises.answers.count), "an answer that was given is not kept")
            let numbers = try reader.rows("SELECT seq FROM changes ORDER BY seq") { $0.integer(0) }
            #expect(
                numbers == Array(1...Int64(max(1, numbers.count))).filter { _ in !numbers.isEmpty }, "changes have no gaps")
        }

        func waitingEvents() throws -> Int64 {
            let reader = try SQLiteDatabase(path: database, access: .readOnly)
            return try reader.first("SELECT count(*) FROM events WHERE projected IS NULL") { $0.integer(0) } ?? 0
        }

        /// Makes calls again: those that were answered have the same answer, and the others have one now.
        func callAgain(at server: DuesProcess, answered: Int) throws {
            let client = try server.client()
            let promises = load.promises
            for key in promises.unanswered { load.note(answer: try call(client, key).text, of: key) }
            for (key, answer) in promises.answers.shuffled().prefix(answered) {
                #expect(try call(client, key).text == answer, "\(key) has another answer now")
            }
        }

        /// As long as Stripe is still at an attempt of a server that is gone, it says so.
        private func call(_ client: RPCClient, _ key: String) throws -> JSONValue {
            var answer: JSONValue?
            _ = try eventually {
                do {
                    answer = try client.call("CreateCustomer", CrashLoad.customerParams(key))
                } catch let error as RPCError where error.retryable {}
                return answer != nil
            }
            return try #require(answer, "\(key) is not answered")
        }

        /// How often each key had its effect.
        func effects() throws -> [String: Int] {
            var found: [String: Int] = [:]
            var cursor = ""
            while true {
                let page = try sandbox.api.get("/v1/customers?limit=100\(cursor)")
                let customers = page["data"]?.arrayValue ?? []
                for customer in customers {
                    if let key = customer["metadata"]?["key"]?.stringValue { found[key, default: 0] += 1 }
                }
                guard page["has_more"] == true, let last = customers.last?["id"]?.stringValue else { return found }
                cursor = "&starting_after=\(last)"
            }
        }
    }

    @Test func `whenever it is killed, what was answered is there, and the rest is done once`() async throws {
        try await offPool {
            let kills = getenv("DUES_CRASHES").flatMap { Int(String(cString: $0)) } ?? 20
            var random = Seeded(UInt64(time(nil)))
            let scene = try Scene(folder: try Scratch.directory())
            for _ in 0..<kills {
                let server = try scene.start()
                let threads = try scene.load.run(at: server)
                usleep(UInt32.random(in: 1000...250_000, using: &random))
                server.kill()
                scene.load.stop(threads)
                let promises = scene.load.promises
                try scene.check(promises)
                let next = try scene.start()
                try scene.callAgain(at: next, answered: 5)
                next.kill()
            }
            let promises = scene.load.promises
            try scene.check(promises)
            #expect(promises.unanswered.isEmpty)
            #expect(promises.events.count > kills && promises.answers.count > kills, "there was something to lose")
            let effects = try scene.effects()
            #expect(effects.count == promises.answers.count)
            #expect(effects.values.allSatisfy { $0 == 1 }, "something was done twice")
            let last = try scene.start()
            var waiting = Int64.max
            while waiting > 0, try eventually({ try scene.waitingEvents() < waiting }) {
                waiting = try scene.waitingEvents()
            }
            #expect(waiting == 0, "what was taken in is projected")
            last.stop()
            scene.sandbox.stop()
        }
    }

    // MARK: Disks that fail

    /// A small disk in memory, gone with its owner; nil where none may be mounted.
    private final class SmallDisk {
        let folder: String

        init?(bytes: Int) throws {
            folder = try Scratch.directory()
            guard mount("dues-test", folder, "tmpfs", 0, "size=\(bytes)") == 0 else {
                Skipped.tell("disks that fail: nobody may mount one here")
                return nil
            }
        }

        func set(readOnly: Bool) {
            let flags = UInt(MS_REMOUNT) | (readOnly ? UInt(MS_RDONLY) : 0)
            #expect(mount("dues-test", folder, "tmpfs", flags, nil) == 0)
        }

        deinit { umount2(folder, Int32(MNT_DETACH)) }
    }

    @Test func `a full disk loses nothing that was answered, and space makes it serve again`() async throws {
        try await offPool {
            guard let disk = try SmallDisk(bytes: 6 << 20) else { return }
            let scene = try Scene(folder: disk.folder)
            let server = try scene.start()
            let ballast = "\(disk.folder)/ballast"
            try Scratch.write(String(repeating: "x", count: 4 << 20), to: ballast)
            let threads = try scene.load.run(at: server)
            let web = Web()
            // Until nothing more goes in.
            var refused = false
            for number in 0..<200_000 where !refused {
                let payload = Array(
                    "{\"id\":\"evt_big\(number)\",\"type\":\"a.b\",\"created\":1,\"data\":{\"object\":{\"x\":\"\(String(repeating: "y", count: 20_000))\"}}}"
                        .utf8)
                let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
                refused = try web.deliver(payload, to: server.http, signature: signature).status == 503
            }
            #expect(refused, "a disk that is full takes no events")
            scene.load.stop(threads)
            let full = scene.load.promises
            let error = #expect(throws: RPCError.self) {
                try server.client().call("CreateCustomer", CrashLoad.customerParams("key of a full disk"))
            }
            #expect(error?.reason == "STORE_UNAVAILABLE" && error?.retryable == true)
            unlink(ballast)
            let payload = Array(#"{"id":"evt_then","type":"a.b","created":1,"data":{"object":{}}}"#.utf8)
            let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
            #expect(try web.deliver(payload, to: server.http, signature: signature).status == 200)
            server.kill()
            let next = try scene.start()
            try scene.check(full)
            try scene.callAgain(at: next, answered: 100)
            _ = try next.client().call("CreateCustomer", CrashLoad.customerParams("key of a full disk"))
            let effects = try scene.effects()
            #expect(effects.values.allSatisfy { $0 == 1 })
            #expect(effects.count == scene.load.promises.answers.count + 1)
            next.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `a disk that becomes read-only is a store that is not there, until it is`() async throws {
        try await offPool {
            guard let disk = try SmallDisk(bytes: 32 << 20) else { return }
            let scene = try Scene(folder: disk.folder)
            let first = try scene.start()
            first.kill()
            disk.set(readOnly: true)
            let refused = try CommandRun(
                ["serve", "--stripe-base", scene.sandbox.url, "--db", "sqlite:\(scene.database)", "--tcp", "127.0.0.1:0"],
                environment: ["STRIPE_SECRET_KEY": scene.sandbox.secretKey])
            #expect(refused.status == 1 && refused.errors.contains("read-only"), "\(refused.errors)")
            disk.set(readOnly: false)
            let second = try scene.start()
            _ = try second.client().call("CreateCustomer", CrashLoad.customerParams("key"))
            second.stop()
            scene.sandbox.stop()
        }
    }

    @Test func `a database that somebody holds is a store that is not there, until it is let go`() async throws {
        try await offPool {
            let scene = try Scene(folder: try Scratch.directory())
            let server = try scene.start()
            let threads = try scene.load.run(at: server)
            usleep(100_000)
            let holder = try SQLiteDatabase(path: scene.database, access: .readWrite)
            try holder.execute("BEGIN IMMEDIATE")
            let payload = Array(#"{"id":"evt_held","type":"a.b","created":1,"data":{"object":{}}}"#.utf8)
            let signature = Web.signature(payload, secret: DuesProcess.webhookSecret, at: Int64(time(nil)))
            #expect(try Web().deliver(payload, to: server.http, signature: signature).status == 503)
            try holder.execute("ROLLBACK")
            #expect(try Web().deliver(payload, to: server.http, signature: signature).status == 200)
            scene.load.stop(threads)
            let promises = scene.load.promises
            server.kill()
            try scene.check(promises)
            let next = try scene.start()
            try scene.callAgain(at: next, answered: 20)
            #expect(try scene.effects().values.allSatisfy { $0 == 1 })
            next.stop()
            scene.sandbox.stop()
        }
    }
}
