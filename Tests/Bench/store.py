"""Customers for the benchmark, written straight into a database file that the server has made."""

import json
import sqlite3

PRODUCT = "prod_pro"
CREATED = 1_750_000_000
PERIOD_END = 4_000_000_000
# What Stripe writes of a subscription beyond what Dues has columns for; rows as long as real ones are as slow to reach.
PADDING = "x" * 2400


def customer(number):
    """The same names as in load.c's %k."""
    return f"cus_{number:07d}"


def fill(path, customers):
    """Gives each of `customers` customers one active subscription to PRODUCT."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous=OFF")
    database.execute("PRAGMA cache_size=-200000")
    database.execute("BEGIN")
    for table, rows in _rows(customers).items():
        columns, values = rows
        marks = ",".join("?" * len(columns.split(",")))
        database.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)
    database.execute("COMMIT")
    database.close()


def _rows(count):
    mirrored = "id,version,known_from,known_until,deleted,raw"
    numbers = range(count)
    return {
        "changes": (
            "seq,kind,object,customer,event,at",
            ((n + 1, "subscription", f"sub_{n:07d}", customer(n), f"evt_{n:07d}", CREATED) for n in numbers)),
        "products": (f"{mirrored},name,active", [(PRODUCT, 0, CREATED, CREATED, 0, json.dumps({"id": PRODUCT}), "Pro", 1)]),
        "customers": (
            f"{mirrored},email,name",
            ((customer(n), n + 1, CREATED, CREATED, 0, json.dumps({"id": customer(n)}), f"c{n}@example.com", f"C {n}")
             for n in numbers)),
        "subscriptions": (
            f"{mirrored},customer,status,created",
            ((f"sub_{n:07d}", n + 1, CREATED, CREATED, 0, json.dumps({"id": f"sub_{n:07d}", "padding": PADDING}),
              customer(n), "active", CREATED) for n in numbers)),
        "subscription_items": (
            "subscription,position,id,price,product,quantity,period_start,period_end",
            ((f"sub_{n:07d}", 0, f"si_{n:07d}", "price_pro", PRODUCT, 1, CREATED, PERIOD_END) for n in numbers)),
    }
