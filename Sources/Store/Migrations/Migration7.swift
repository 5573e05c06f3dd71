extension Migration {
    /// How often a call was begun: an attempt that others have overtaken writes nothing down any more.
    static let seventh = Migration(
        number: 7, sql: "ALTER TABLE intents ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0")
}
