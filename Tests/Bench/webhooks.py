"""Webhooks: distinct events of 4 KB, each signed, verified and committed (synchronous=FULL) before it is answered 200; beside
Python services that do the same, and beside a bare C program that commits the same rows and does nothing else.

The events are Dues's whole life there: it projects them too, while more come in. CheckAccess is asked meanwhile, and before.
"""

import contextlib
import hashlib
import hmac
import json
import sqlite3
import statistics
import struct
import subprocess
import time
from pathlib import Path

import store
from measuring import in_turns, run_load, say, table
from servers import ENVIRONMENT, Dues, WebhookDues, WebhookPeer

CONNECTIONS = 64
FIGURES = ["calls_per_second", "p50_us", "p99_us", "max_us"]
# Events prepared for each second of a run: more than any server here takes.
EVENTS_PER_SECOND = 40_000
CUSTOMERS = 10_000
# What makes an event as long as real ones of a subscription are.
PADDING = "x" * 3400


def measure(binary, load, commit, python, folder, rounds, seconds):
    say(f"\nWebhooks of 4 KB over {CONNECTIONS} connections, verified and committed before the answer")
    run = Run(load, folder, float(seconds))
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(WebhookDues(binary, f"{folder}/webhooks.db"))]
        for kind in WebhookPeer.kinds if python else []:
            servers.append(running.enter_context(WebhookPeer(python, kind, f"{folder}/{kind}.db")))
        run.warm_up(servers)
        runs = in_turns([*servers, Bare(commit, folder)], rounds, run)
    figures = {name: {figure: statistics.median(each[figure] for each in of_one) for figure in FIGURES}
               for name, of_one in runs.items()}
    rows = [["", "events per second", *FIGURES[1:], "dues to it"]]
    ours = figures[WebhookDues.name]["calls_per_second"]
    for name, of_one in figures.items():
        rows.append([name, *(f"{of_one[figure]:.0f}" for figure in FIGURES), f"{ours / of_one['calls_per_second']:.2f}"])
    table(rows)
    beside_questions(binary, load, folder, rounds, float(seconds))


class Run:
    """A run of one server, or of the bare program."""

    def __init__(self, load, folder, seconds):
        self.load, self.folder, self.seconds, self.number = load, folder, seconds, 0

    def warm_up(self, servers):
        for server in servers:
            self.deliver(server, 0.5)

    def __call__(self, server):
        if isinstance(server, Bare):
            return server.run(self.seconds)
        return self.deliver(server, self.seconds)

    def deliver(self, server, seconds):
        self.number += 1
        path = f"{self.folder}/events"
        prepare(path, f"{self.number:x}", int(EVENTS_PER_SECOND * seconds))
        return run_load(self.load, server, "-c", str(CONNECTIONS), "-s", str(seconds), "-f", path, keys=1)


def prepare(path, run, count):
    """Writes events as requests whole, each behind its length; signed now."""
    secret = ENVIRONMENT["STRIPE_WEBHOOK_SECRET"].encode()
    now = int(time.time())
    with open(path, "wb") as file:
        for number in range(count):
            customer = f"cus_{number % CUSTOMERS:07d}"
            # Ids as spread as Stripe's are.
            name = hashlib.sha256(f"{run}.{number}".encode()).hexdigest()[:24]
            subscription = {
                "id": f"sub_{name}", "object": "subscription", "customer": customer, "status": "active", "created": now,
                "items": {"object": "list", "has_more": False, "data": [{
                    "id": f"si_{name}", "object": "subscription_item", "quantity": 1, "current_period_start": now,
                    "current_period_end": now + 2_592_000, "price": {"id": "price_pro", "product": store.PRODUCT}}]},
                "metadata": {f"key_{part}": PADDING[:400] for part in range(8)},
            }
            event = json.dumps({
                "id": f"evt_{name}", "object": "event", "api_version": "2026-10-28.endive", "created": now,
                "type": "customer.subscription.created", "livemode": False, "data": {"object": subscription},
            }).encode()
            code = hmac.new(secret, b"%d.%s" % (now, event), hashlib.sha256).hexdigest()
            head = (f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                    f"Stripe-Signature: t={now},v1={code}\r\nContent-Length: {len(event)}\r\n\r\n").encode()
            file.write(struct.pack("<I", len(head) + len(event)) + head + event)


class Bare:
    """SQLite alone: what the disk and the library allow."""

    name = f"bare C, {CONNECTIONS} rows a commit"

    def __init__(self, program, folder):
        self.program, self.folder, self.number = program, folder, 0

    def run(self, seconds):
        self.number += 1
        path = f"{self.folder}/bare-{self.number}.db"
        said = subprocess.run([self.program, path, str(CONNECTIONS), str(seconds)], stdout=subprocess.PIPE, check=True)
        for part in ["", "-wal", "-shm"]:
            Path(path + part).unlink(missing_ok=True)
        return {figure: 0 for figure in FIGURES} | {"calls_per_second": json.loads(said.stdout)["rows_per_second"]}


def beside_questions(binary, load, folder, rounds, seconds):
    say("CheckAccess, 8 at a time, before webhooks and while 64 connections deliver them")
    database = f"{folder}/beside.db"
    with Dues(binary, database):
        pass  # makes the tables
    store.fill(database, CUSTOMERS)
    rows = [["", "calls_per_second", "p50_us", "p99_us"]]
    with WebhookDues(binary, database) as webhooks:
        questions = Questions(webhooks)
        ask = lambda: run_load(load, questions, "-c", "8", "-s", str(seconds), "-w", "0.3", keys=CUSTOMERS)
        ask()
        quiet, busy = [], []
        for number in range(rounds):
            wait_until_projected(database)
            quiet.append(ask())
            path = f"{folder}/events"
            prepare(path, f"beside {number}", int(EVENTS_PER_SECOND * (seconds + 1.5)))
            delivery = subprocess.Popen(
                [load, "-c", str(CONNECTIONS), "-s", str(seconds + 1), "-f", path, *webhooks.load_arguments(1)],
                stdout=subprocess.PIPE)
            time.sleep(0.3)
            busy.append(ask())
            delivery.communicate()
            if delivery.returncode:
                raise RuntimeError("a webhook was not taken")
    for name, runs in [("before", quiet), ("meanwhile", busy)]:
        rows.append([name, *(f"{statistics.median(run[figure] for run in runs):.0f}" for figure in rows[0][1:])])
    rows.append(["ratio", *(f"{float(rows[2][column]) / max(float(rows[1][column]), 1):.2f}" for column in [1, 2, 3])])
    table(rows)


def wait_until_projected(database):
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while connection.execute("SELECT EXISTS (SELECT 1 FROM events WHERE projected IS NULL)").fetchone()[0]:
            time.sleep(0.1)


class Questions:
    """The same server, asked for access."""

    name = "dues"

    def __init__(self, server):
        self.server = server

    def load_arguments(self, keys):
        return ["-p", str(self.server.port), "-k", str(keys), "-l", "1", "-e", Dues.expected, Dues.request]
