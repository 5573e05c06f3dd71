internal import Glibc
internal import JSON
internal import Service
internal import Store
internal import Stripe
internal import Synchronization

extension Command {
    /// `dues rebuild`: the mirror from what was written down.
    static let rebuild = Command(
        name: "rebuild", summary: "Make the mirror anew from the journal, or show a customer as of then.",
        flags: [
            Flag(name: "db", placeholder: "DATABASE", help: "The database: sqlite:PATH."),
            Flag(
                name: "at", placeholder: "TIME",
                help:
                    "Change nothing; show the customer of --customer as of\nthis time (2026-05-01T00:00:00Z, or Unix seconds)."
            ),
            Flag(name: "customer", placeholder: "ID", help: "Whom --at shows."),
            Flag(name: "grace", placeholder: "SECONDS", help: "The server's --grace, for --at (259200, three days)."),
        ],
        discussion: """
            Every change of the mirror is kept with the event or with Stripe's answer that it rests on, as long as
            --journal-days says. A rebuild writes them all again, one after the other, in one transaction: the rows end as they
            are, or as they should be. Nobody else can write meanwhile: stop the servers, or have them answer STORE_UNAVAILABLE.
            The result goes to standard output as JSON: how many changes there were, and which rows were not as they are now.
            With --at the changes up to that time are played elsewhere: the result is what was known of the customer then, and
            what ListAccess would have said.
            """
    ) { arguments throws(Failure) in
        guard let database = arguments.value("db") else { throw .usage("--db is needed: the database to rebuild") }
        guard let time = arguments.value("at") else {
            if arguments.has("customer") { throw .usage("--customer goes with --at") }
            return try rebuild(database)
        }
        guard let moment = Int64(time) ?? RFC3339.unixSeconds(time) else {
            throw .usage("--at must be a time such as 2026-05-01T00:00:00Z or Unix seconds, got \"\(time)\"")
        }
        guard let customer = arguments.value("customer") else { throw .usage("--at needs --customer") }
        let grace = try arguments.integer("grace", in: 0...31_536_000).map(Int64.init)
        return try show(customer, asOf: moment, grace: grace, database)
    }

    private static func rebuild(_ database: String) throws(Failure) -> Int32 {
        let bar = Mutex(ProgressBar("changes"))
        let rebuilt: RebuiltRows
        do throws(StoreError) {
            let store = try SQLStore(existing: database)
            rebuilt = try blocking { () async throws(StoreError) in
                try await Rebuild(store).run(at: Int64(time(nil))) { done, all in bar.withLock { $0.tell(done, of: all) } }
            }
        } catch {
            throw Failure("\(error)")
        }
        bar.withLock { $0.end() }
        let result: JSONValue = [
            "changes": .integer(Int64(rebuilt.changes)), "unreadable": .integer(Int64(rebuilt.unreadable)),
            "differing": .array(rebuilt.differing.map(JSONValue.string)),
        ]
        StandardOutput.write(result.prettyText + "\n")
        return rebuilt.unreadable == 0 ? 0 : 1
    }

    private static func show(
        _ customer: String, asOf moment: Int64, grace: Int64?, _ database: String
    ) throws(Failure) -> Int32 {
        let scratch = try StateDirectory.temporary()
        defer { StateDirectory.remove(scratch) }
        let found: JSONValue
        do throws(StoreError) {
            let store = try SQLStore(existing: database)
            found = try blocking { () async throws(StoreError) in
                try await Rebuild(store).customer(
                    customer, asOf: moment, graceSeconds: grace, scratch: SQLStore(path: "\(scratch)/then.db"))
            }
        } catch {
            throw Failure("\(error)")
        }
        StandardOutput.write(found.prettyText + "\n")
        return 0
    }
}
