extension Migration {
    /// What customers are entitled to, for those of whom Stripe has said it: a row a customer, whose id is the customer's, and
    /// the names of the features.
    static let fifth = Migration(
        number: 5,
        sql: """
            CREATE TABLE entitlements (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                count INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE entitled_features (
                customer TEXT NOT NULL, feature TEXT NOT NULL, PRIMARY KEY (customer, feature)
            ) STRICT, WITHOUT ROWID;
            """)
}
