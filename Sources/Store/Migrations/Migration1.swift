extension Migration {
    /// The journal, the mirror of Stripe's objects, the changes, and what was done once.
    ///
    /// Every table of the mirror has the same first columns: `version`, the number of the change that wrote the row last;
    /// `known_from` and `known_until`, the seconds of Stripe's clock between which the row was certainly true; `deleted`, set
    /// for good when the object is gone; and `raw`, the object as Stripe wrote it.
    static let first = Migration(
        number: 1,
        sql: """
            CREATE TABLE events (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                id TEXT NOT NULL UNIQUE,
                type TEXT NOT NULL,
                created INTEGER NOT NULL,
                received INTEGER NOT NULL,
                payload BLOB NOT NULL,
                projected INTEGER
            ) STRICT;
            CREATE INDEX events_waiting ON events (seq) WHERE projected IS NULL;

            CREATE TABLE changes (
                seq INTEGER PRIMARY KEY AUTOINCREMENT,
                kind TEXT NOT NULL,
                object TEXT NOT NULL,
                customer TEXT,
                event TEXT,
                at INTEGER NOT NULL
            ) STRICT;

            CREATE TABLE customers (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                email TEXT, name TEXT
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE products (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                name TEXT, active INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            CREATE TABLE product_features (
                feature TEXT NOT NULL, product TEXT NOT NULL, PRIMARY KEY (feature, product)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE prices (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                product TEXT, lookup_key TEXT, active INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE payment_methods (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                customer TEXT, type TEXT
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE invoices (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                customer TEXT, subscription TEXT, status TEXT, amount_due INTEGER, amount_paid INTEGER, currency TEXT
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE subscriptions (
                id TEXT PRIMARY KEY,
                version INTEGER NOT NULL, known_from INTEGER NOT NULL, known_until INTEGER NOT NULL,
                deleted INTEGER NOT NULL, raw TEXT NOT NULL,
                customer TEXT NOT NULL, status TEXT NOT NULL, created INTEGER NOT NULL,
                cancel_at INTEGER, ended_at INTEGER, trial_end INTEGER, past_due_since INTEGER
            ) STRICT, WITHOUT ROWID;
            CREATE INDEX subscriptions_of_customer ON subscriptions (customer);
            CREATE TABLE subscription_items (
                subscription TEXT NOT NULL, position INTEGER NOT NULL, id TEXT NOT NULL,
                price TEXT NOT NULL, product TEXT NOT NULL, quantity INTEGER,
                period_start INTEGER, period_end INTEGER,
                PRIMARY KEY (subscription, position)
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE intents (
                key TEXT PRIMARY KEY,
                method TEXT NOT NULL,
                params BLOB NOT NULL,
                stripe_key TEXT NOT NULL,
                created INTEGER NOT NULL,
                begun BLOB,
                reply BLOB
            ) STRICT, WITHOUT ROWID;

            CREATE TABLE settings (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
            """)
}
