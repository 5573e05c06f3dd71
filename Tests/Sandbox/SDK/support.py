"""What every story begins with: the official SDK, pointed at a sandbox that runs already, and the usual first steps.

SANDBOX_URL, SANDBOX_KEY and SANDBOX_PUBLISHABLE_KEY say where it is and how it is entered. Nothing is started here.
"""

import json
import os
import unittest
import urllib.error
import urllib.parse
import urllib.request
import uuid

import stripe

import watching

URL = os.environ["SANDBOX_URL"].rstrip("/")
KEY = os.environ["SANDBOX_KEY"]
PUBLISHABLE_KEY = os.environ.get("SANDBOX_PUBLISHABLE_KEY", "pk_test_of_the_suite")

HOUR = 3600
DAY = 24 * HOUR


def client(key=KEY, **options):
    """A client of the SDK whose every answer is looked at (see `watching`)."""
    return stripe.StripeClient(
        key, base_addresses={"api": URL, "files": URL, "connect": URL, "meter_events": URL},
        http_client=watching.Client(timeout=60), **options)


def sandbox(method, path, /, **params):
    """A call of what only the sandbox has."""
    data = urllib.parse.urlencode(params).encode() if method == "POST" else None
    request = urllib.request.Request(f"{URL}{path}", data=data, method=method, headers={"Authorization": f"Bearer {KEY}"})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


class Story(unittest.TestCase):
    """A test that calls Stripe as `self.stripe`, and leaves no customer behind whose subscriptions would renew."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.whole = client()
        cls.stripe = cls.whole.v1
        cls.browser = client(PUBLISHABLE_KEY).v1

    # MARK: First steps

    def customer(self, paying="pm_card_visa", **params):
        """A customer whose default method is the test token's."""
        customer = self.stripe.customers.create({"email": "jenny@example.com", "name": "Jenny", **params})
        self.addCleanup(self.forget, customer.id)
        if paying:
            self.pay_with(customer.id, paying)
        return customer.id

    def forget(self, customer):
        try:
            self.stripe.customers.delete(customer)
        except stripe.InvalidRequestError:
            pass

    def pay_with(self, customer, token):
        """Attaches a test token's method, makes it the customer's default, and answers its id."""
        method = self.stripe.payment_methods.attach(token, {"customer": customer})
        self.stripe.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
        return method.id

    def product(self, name="Widget", **params):
        return self.stripe.products.create({"name": name, **params}).id

    def price(self, amount=2000, interval="month", **params):
        """A recurring price, of a product of its own unless one is named."""
        if "product" not in params:
            params["product_data"] = {"name": "Widget"}
        recurring = {"recurring": {"interval": interval}} if interval else {}
        amounts = {} if "tiers" in params else {"unit_amount": amount}
        return self.stripe.prices.create({"currency": "usd", **amounts, **recurring, **params}).id

    def subscribe(self, customer, *prices, items=None, **params):
        """A subscription to prices, or to (price, quantity) pairs."""
        pairs = [price if isinstance(price, tuple) else (price, None) for price in prices]
        items = items or [{"price": price, **({"quantity": quantity} if quantity else {})} for price, quantity in pairs]
        return self.stripe.subscriptions.create({"customer": customer, "items": items, **params})

    def invoice_of(self, subscription, **params):
        """The subscription's latest invoice, as it is now."""
        latest = self.stripe.subscriptions.retrieve(getattr(subscription, "id", subscription)).latest_invoice
        return self.stripe.invoices.retrieve(latest, params or None)

    def intent_of(self, invoice):
        """The payment intent of an invoice."""
        payments = self.stripe.invoice_payments.list({"invoice": getattr(invoice, "id", invoice)})
        return self.stripe.payment_intents.retrieve(payments.data[0].payment.payment_intent)

    # MARK: Time

    def now(self):
        return sandbox("GET", "/sandbox/clock")["now"]

    def advance(self, seconds=0, to=None):
        sandbox("POST", "/sandbox/clock/advance", **({"to": to} if to else {"seconds": seconds}))

    # MARK: The bank

    def authenticate(self, intent, outcome="succeed"):
        """What the customer says on the bank's page."""
        return sandbox("POST", f"/sandbox/authenticate/{intent}", outcome=outcome)

    # MARK: Events

    def mark(self):
        """The latest event's id, for `events`."""
        latest = self.stripe.events.list({"limit": 1}).data
        return latest[0].id if latest else None

    def events(self, since, about):
        """The events since a mark that speak of an object, or of one that these speak of, oldest first."""
        params = {"limit": 100, **({"ending_before": since} if since else {})}
        events = list(self.stripe.events.list(params).auto_paging_iter())
        if not since:
            events.reverse()
        known, told = {about}, []
        for event in events:
            body = event.data.object.to_dict()
            if named(body) & known:
                known.add(body.get("id"))
                told.append(event)
        return told

    def types(self, since, about):
        return [event.type for event in self.events(since, about)]

    # MARK: Assertions

    def assertFields(self, thing, **fields):
        """Holds a thing's members to values, all at once; a double underscore leads inside."""
        found = {name: reach(thing, name.split("__")) for name in fields}
        self.assertEqual(found, fields)

    def refused(self, error=stripe.InvalidRequestError, status=400, code=None, param=None):
        """A context in which the SDK must raise `error`, with this status, code and param."""
        return Refusal(self, error, status, code, param)


class Refusal:
    """Expects an error of the SDK; it is `caught` afterwards."""

    def __init__(self, test, error, status, code, param):
        self.test, self.error, self.expected = test, error, (status, code, param)
        self.caught = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.test.assertIsNotNone(error, "nothing was refused")
        if not isinstance(error, stripe.StripeError):
            return False
        self.caught = error
        self.test.assertIs(type(error), self.error, str(error))
        # Not every class of the SDK's errors keeps the code and the param.
        told = error.json_body["error"]
        found = (error.http_status, told.get("code"), told.get("param"))
        self.test.assertEqual(found, self.expected, str(error))
        return True

    @property
    def message(self):
        return self.caught.user_message


def reach(thing, path):
    for name in path:
        if thing is None:
            return None
        thing = thing[int(name)] if isinstance(thing, list) else thing.get(name) if isinstance(thing, dict) else getattr(
            thing, name, None)
    return thing


def named(value):
    """The words that an object holds: among them the ids of what it speaks of."""
    if isinstance(value, dict):
        return set().union(*map(named, value.values()))
    if isinstance(value, list):
        return set().union(*map(named, value))
    return {value} if isinstance(value, str) else set()


def unique(stem):
    """A name that nothing else has."""
    return f"{stem}-{uuid.uuid4().hex[:12]}"
