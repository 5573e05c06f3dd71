"""The eye on shapes itself: it must see what is wrong."""

import json
import unittest

import watching
from support import Story


@unittest.skipUnless(watching.known_shapes, "Stripe's shapes are not here")
class Shapes(Story):
    def problems(self, thing, **changes):
        """Of an object with members changed, or taken away by `...`."""
        spoilt = json.loads(thing.last_response.body)
        for path, value in changes.items():
            inner = spoilt
            *way, name = path.split("__")
            for step in way:
                inner = inner[step]
            if value is ...:
                del inner[name]
            else:
                inner[name] = value
        return watching.known_shapes.problems(spoilt)

    def assertSeen(self, thing, *places, **changes):
        found = self.problems(thing, **changes)
        for place in places or [".".join([thing.object, *next(iter(changes)).split("__")])]:
            self.assertTrue(any(problem.startswith(place) for problem in found), f"{place} not in {found}")

    def test_what_is_right_is_not_told(self):
        customer = self.stripe.customers.retrieve(self.customer())
        self.assertEqual(self.problems(customer), [])
        self.assertEqual(self.problems(customer, metadata={"k": "v"}, name=None), [])

    def test_what_is_missing(self):
        customer = self.stripe.customers.retrieve(self.customer())
        self.assertSeen(customer, created=...)
        self.assertSeen(customer, "customer.description: is not shown", description=...)

    def test_what_is_of_a_wrong_type(self):
        customer = self.stripe.customers.retrieve(self.customer())
        self.assertSeen(customer, created="yesterday")
        self.assertSeen(customer, livemode=1)
        self.assertSeen(customer, livemode=None)
        self.assertSeen(customer, "customer.metadata{}", metadata={"k": 1})
        self.assertSeen(customer, tax_exempt="perhaps")

    def test_what_nobody_knows(self):
        self.assertSeen(self.stripe.customers.retrieve(self.customer()), nickname="J")

    def test_what_stands_deep_inside(self):
        subscription = self.subscribe(self.customer(), self.price(100), expand=["latest_invoice"])
        self.assertEqual(self.problems(subscription), [])
        self.assertSeen(subscription, "invoice.total", latest_invoice__total="100")
        self.assertSeen(subscription, "invoice.status_transitions.paid_at", latest_invoice__status_transitions__paid_at="x")
        self.assertSeen(subscription, "subscription.billing_mode.type", billing_mode__type=...)
        self.assertSeen(subscription, "list.has_more", items__has_more=...)
        self.assertSeen(subscription, "subscription.customer", customer=7)

    def test_what_is_left_of_a_deleted_object(self):
        gone = self.stripe.customers.delete(self.customer())
        self.assertEqual(self.problems(gone), [])
        self.assertSeen(gone, "customer: 'id' is a required property", id=...)
