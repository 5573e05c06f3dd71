extension Migration {
    /// How far walks have come, through Stripe's lists or through what is swept away, so that the next one goes on from there;
    /// and calls by their age, to be swept.
    static let fourth = Migration(
        number: 4,
        sql: """
            CREATE TABLE walks (name TEXT PRIMARY KEY, mark INTEGER NOT NULL) STRICT, WITHOUT ROWID;
            CREATE INDEX intents_by_age ON intents (created);
            """)
}
