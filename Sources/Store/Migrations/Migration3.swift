extension Migration {
    /// The order in which events are shown: an event has the number of the change that closed it, and whom it concerns. The
    /// indexes hold what a look through many events needs, so that only those that are wanted are read.
    ///
    /// What is there already: an event that changed the mirror has its change; one that did not gets one, after all others.
    /// Whom events concern is read from their payloads, as `StripeEvent` does it for new ones.
    static let third = Migration(
        number: 3,
        sql: """
            ALTER TABLE events ADD COLUMN change INTEGER;
            ALTER TABLE events ADD COLUMN customer TEXT;
            ALTER TABLE events ADD COLUMN subscription TEXT;

            UPDATE events SET
                customer = CASE json_extract(o.object, '$.object') WHEN 'customer' THEN json_extract(o.object, '$.id')
                    ELSE coalesce(json_extract(o.object, '$.customer.id'), json_extract(o.object, '$.customer')) END,
                subscription = CASE json_extract(o.object, '$.object')
                    WHEN 'subscription' THEN json_extract(o.object, '$.id')
                    ELSE coalesce(
                        json_extract(o.object, '$.parent.subscription_details.subscription.id'),
                        json_extract(o.object, '$.parent.subscription_details.subscription'),
                        json_extract(o.object, '$.subscription.id'), json_extract(o.object, '$.subscription')) END
            FROM (
                SELECT seq, json_extract(CAST(payload AS TEXT), '$.data.object') AS object FROM events
                WHERE CASE WHEN json_valid(CAST(payload AS TEXT))
                    THEN json_type(CAST(payload AS TEXT), '$.data.object') = 'object' END
            ) o WHERE o.seq = events.seq;

            INSERT INTO changes (kind, object, customer, event, at)
            SELECT '', '', customer, id, created FROM events
            WHERE projected IS NOT NULL AND id NOT IN (SELECT event FROM changes WHERE event IS NOT NULL)
            ORDER BY seq;
            UPDATE events SET change = c.seq
            FROM (SELECT event, max(seq) AS seq FROM changes WHERE event IS NOT NULL GROUP BY event) c
            WHERE c.event = events.id;

            CREATE INDEX events_by_change ON events (change, type) WHERE change IS NOT NULL;
            CREATE INDEX events_of_customer ON events (customer, change, type) WHERE change IS NOT NULL;
            """)
}
