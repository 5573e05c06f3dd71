"""Customers for the benchmark, written straight into a database file that the server has made."""

import sqlite3

PRODUCT = "prod_pro"
CREATED = 1_750_000_000
PERIOD_END = 4_000_000_000
# What Stripe writes of a subscription beyond what Dues has columns for; rows as long as real ones are as slow to reach.
PADDING = 2400

NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < :customers)"
MIRRORED = "id, version, known_from, known_until, deleted, raw"
# The names are those of load.c's %k.
TABLES = [
    """INSERT INTO changes (seq, kind, object, customer, event, at)
       {numbers} SELECT n + 1, 'subscriptions', printf('sub_%07d', n), printf('cus_%07d', n), printf('evt_%07d', n), :created
       FROM numbers""",
    """INSERT INTO customers ({mirrored}, email, name)
       {numbers} SELECT printf('cus_%07d', n), n + 1, :created, :created, 0, '{{}}', printf('c%d@example.com', n), 'C'
       FROM numbers""",
    """INSERT INTO subscriptions ({mirrored}, customer, status, created)
       {numbers} SELECT printf('sub_%07d', n), n + 1, :created, :created, 0, :raw, printf('cus_%07d', n), 'active', :created
       FROM numbers""",
    """INSERT INTO subscription_items (subscription, position, id, price, product, quantity, period_start, period_end)
       {numbers} SELECT printf('sub_%07d', n), 0, printf('si_%07d', n), 'price_pro', :product, 1, :created, :end
       FROM numbers""",
]


def fill(path, customers, padding=PADDING):
    """Gives each of `customers` customers one active subscription to PRODUCT."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-1000000")
    values = {
        "customers": customers, "created": CREATED, "end": PERIOD_END, "product": PRODUCT,
        "raw": '{"padding":"' + "x" * padding + '"}',
    }
    database.execute("BEGIN")
    for table in TABLES:
        database.execute(table.format(numbers=NUMBERS, mirrored=MIRRORED), values)
    database.execute(
        f"INSERT INTO products ({MIRRORED}, name, active) VALUES (:product, 0, :created, :created, 0, '{{}}', 'Pro', 1)", values)
    database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
