"""What it takes to renew the subscriptions of a large sandbox by one advance of its clock: seconds, and memory."""

import base64
import http.client
import json
import os
import time
from urllib.parse import urlencode, urlsplit

from measuring import say, table
from servers import Sandbox

# 100,000, over HTTP, take a few minutes to be made.
SUBSCRIPTIONS = int(os.environ.get("SUBSCRIPTIONS", 10_000))
DAYS = 32


def measure(binary):
    say(f"Renewing {SUBSCRIPTIONS} monthly subscriptions by one advance of the sandbox's clock by {DAYS} days")
    rows = [["", "seconds", "processor seconds", "microseconds each", "resident MiB", "KiB a subscription"]]
    with Sandbox(binary) as sandbox:
        client = Client(sandbox)
        price = client.get("/v1/prices", {"lookup_keys[]": "basic"})["data"][0]["id"]
        empty = sandbox.resident_kib()
        begin = Reading(sandbox)
        for number in range(SUBSCRIPTIONS):
            subscribe(client, number, price)
        rows.append(begin.row("made", empty))
        begin = Reading(sandbox)
        client.post("/sandbox/clock/advance", {"seconds": DAYS * 86_400})
        rows.append(begin.row("renewed", empty))
        check(client)
    table(rows)


def subscribe(client, number, price):
    customer = client.post("/v1/customers", {"email": f"person{number}@example.com"})["id"]
    method = client.post("/v1/payment_methods/pm_card_visa/attach", {"customer": customer})["id"]
    client.post(f"/v1/customers/{customer}", {"invoice_settings[default_payment_method]": method})
    client.post("/v1/subscriptions", {"customer": customer, "items[0][price]": price})


def check(client):
    """The last customers' renewals are paid."""
    for subscription in client.get("/v1/subscriptions", {"limit": 100})["data"]:
        invoices = client.get("/v1/invoices", {"subscription": subscription["id"]})["data"]
        told = [(invoice["billing_reason"], invoice["status"]) for invoice in invoices]
        if told != [("subscription_cycle", "paid"), ("subscription_create", "paid")]:
            raise RuntimeError(f"{subscription['id']} has {told}")


class Reading:
    """A server's clocks at one moment."""

    def __init__(self, server):
        self.server = server
        self.seconds = time.monotonic()
        self.processor = server.processor_seconds()

    def row(self, name, empty_kib):
        seconds = time.monotonic() - self.seconds
        processor = self.server.processor_seconds() - self.processor
        resident = self.server.resident_kib()
        return [name, f"{seconds:.1f}", f"{processor:.1f}", f"{processor / SUBSCRIPTIONS * 1e6:.0f}", f"{resident >> 10}",
                f"{(resident - empty_kib) / SUBSCRIPTIONS:.1f}"]


class Client:
    """One connection to the sandbox."""

    def __init__(self, sandbox):
        self.connection = http.client.HTTPConnection(urlsplit(sandbox.url).netloc)
        self.headers = {
            "Authorization": "Basic " + base64.b64encode(f"{sandbox.key}:".encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded"}

    def get(self, path, params):
        return self.ask("GET", f"{path}?{urlencode(params)}", None)

    def post(self, path, params):
        return self.ask("POST", path, urlencode(params))

    def ask(self, method, target, body):
        self.connection.request(method, target, body, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        if response.status != 200:
            raise RuntimeError(f"{method} {target}: {text.decode()}")
        return json.loads(text)
