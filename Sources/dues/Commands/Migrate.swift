internal import JSON
internal import Store

extension Command {
    /// `dues migrate`: everything into another database.
    static let migrate = Command(
        name: "migrate", summary: "Copy everything from one database to another, empty one.",
        flags: [
            Flag(name: "from", placeholder: "DATABASE", help: "What is there: sqlite:PATH or postgres://USER@HOST/NAME."),
            Flag(name: "to", placeholder: "DATABASE", help: "Where it goes; it must be empty, or not there yet."),
        ],
        discussion: """
            From SQLite to PostgreSQL, say, when one server is to become several. Stop the servers first: what they took in later
            would stay behind. Nobody can write to the one database while it is copied, and the other has everything or nothing.
            How far it is goes to standard error, how many rows each table has to standard output, as JSON. Then start the servers
            with the other --db: keys of calls, cursors of WatchEvents and quotes stay good.
            """
    ) { arguments throws(Failure) in
        guard let from = arguments.value("from"), let to = arguments.value("to") else {
            throw .usage("dues migrate --from DATABASE --to DATABASE")
        }
        var bar = ProgressBar("rows")
        let copied: [(table: String, rows: Int64)]
        do throws(StoreError) {
            let source = try SQLStore(existing: from)
            copied = try source.copy(to: SQLStore(alone: to)) { bar.tell($0, of: $1) }
        } catch {
            bar.end()
            throw Failure("\(error)")
        }
        bar.end()
        let result = JSONObject(copied.map { ($0.table, .integer($0.rows)) })
        StandardOutput.write(JSONValue.object(result).prettyText + "\n")
        return 0
    }
}
