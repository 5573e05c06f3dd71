extension Migration {
    /// What a rebuild of the mirror and a look at an earlier day need: what Stripe answered where a change rests on an answer
    /// and not on an event, and when each change was written here. What was answered before is not known, so that a rebuild
    /// begins after the changes that are there already. And what Reconcile found wrong.
    static let sixth = Migration(
        number: 6,
        sql: """
            ALTER TABLE changes ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE changes ADD COLUMN answer TEXT;
            ALTER TABLE changes ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE changes ADD COLUMN known_from INTEGER;
            ALTER TABLE changes ADD COLUMN known_until INTEGER;
            UPDATE changes SET written = coalesce((SELECT projected FROM events WHERE change = changes.seq), at);
            INSERT INTO walks (name, mark) SELECT 'ledger', max(seq) FROM changes HAVING max(seq) IS NOT NULL;

            CREATE TABLE drift (
                change INTEGER PRIMARY KEY,
                found INTEGER NOT NULL,
                kind TEXT NOT NULL, object TEXT NOT NULL, customer TEXT,
                verdict TEXT NOT NULL,
                members TEXT NOT NULL
            ) STRICT;
            """)
}
