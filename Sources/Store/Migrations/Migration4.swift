extension Migration {
    /// How far walks through Stripe's lists have come, so that the next one goes on from there.
    static let fourth = Migration(
        number: 4,
        sql: """
            CREATE TABLE walks (name TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            """)
}
