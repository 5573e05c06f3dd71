internal import Glibc
internal import Store

extension Command {
    /// `dues backup`: a copy of a database that is in use.
    static let backup = Command(
        name: "backup", summary: "Copy an SQLite database while servers use it.", operands: "FILE",
        flags: [Flag(name: "db", placeholder: "DATABASE", help: "The database: sqlite:PATH.")],
        discussion: """
            FILE, which must not exist, becomes a whole database as of one moment, checked before it has its name. To restore it,
            stop the servers, put it in the place of the database, remove what lies beside that under the same name with -wal and
            -shm, and start them again: what happened since comes back from Stripe's list of events, for 30 days.
            """
    ) { arguments throws(Failure) in
        guard arguments.operands.count == 1 else { throw .usage("dues backup --db sqlite:PATH FILE") }
        guard let database = arguments.value("db") else { throw .usage("--db is needed: the database to copy") }
        let file = arguments.operands[0]
        var bar = ProgressBar("pages")
        do throws(StoreError) {
            try SQLStore.backUp(database, to: file) { bar.tell($0, of: $1) }
        } catch {
            bar.end()
            throw Failure("\(error)")
        }
        bar.end()
        StandardOutput.write("\(file)\n")
        return 0
    }
}
