"""Checkout in subscription mode, up to its page, and what became of a session."""

import urllib.request

import stripe

from support import DAY, HOUR, Story


class Checkout(Story):
    def session(self, price=None, quantity=1, **params):
        return self.stripe.checkout.sessions.create(
            {"mode": "subscription", "line_items": [{"price": price or self.price(1500), "quantity": quantity}],
             "success_url": "https://example.com/ok?session={CHECKOUT_SESSION_ID}", **params})

    def test_created_retrieved_updated_and_listed(self):
        buyer, price = self.customer(paying=None), self.price(1500)
        session = self.session(price, 2, customer=buyer, client_reference_id="order-7", metadata={"k": "v"})
        self.assertFields(
            session, object="checkout.session", mode="subscription", status="open", payment_status="unpaid",
            subscription=None, invoice=None, payment_intent=None, customer=buyer, client_reference_id="order-7",
            amount_total=3000, amount_subtotal=3000, currency="usd", ui_mode="hosted_page", metadata__k="v",
            success_url="https://example.com/ok?session={CHECKOUT_SESSION_ID}")
        self.assertTrue(session.id.startswith("cs_test_"))
        self.assertAlmostEqual(session.expires_at, self.now() + DAY, delta=60)
        self.assertEqual(self.stripe.checkout.sessions.retrieve(session.id).to_dict(), session.to_dict())
        items = self.stripe.checkout.sessions.line_items.list(session.id)
        self.assertEqual(
            [(item.object, item.price.id, item.quantity, item.amount_total) for item in items.data],
            [("item", price, 2, 3000)])
        full = self.stripe.checkout.sessions.retrieve(session.id, {"expand": ["line_items"]})
        self.assertEqual(len(full.line_items.data), 1)
        changed = self.stripe.checkout.sessions.update(session.id, {"metadata": {"k": "w"}})
        self.assertEqual(changed.metadata["k"], "w")
        listed = self.stripe.checkout.sessions.list({"customer": buyer})
        self.assertEqual([each.id for each in listed.data], [session.id])

    def test_its_page(self):
        session = self.session()
        with urllib.request.urlopen(session.url, timeout=30) as page:
            self.assertIn("text/html", page.headers["Content-Type"])
            self.assertTrue(page.read())

    def test_expired_by_hand(self):
        session = self.session()
        since = self.mark()
        expired = self.stripe.checkout.sessions.expire(session.id)
        self.assertFields(expired, status="expired", url=None)
        self.assertEqual(self.types(since, session.id), ["checkout.session.expired"])
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.checkout.sessions.expire(session.id)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_expired_by_time(self):
        session = self.session(expires_at=self.now() + HOUR)
        self.advance(HOUR + 60)
        self.assertEqual(self.stripe.checkout.sessions.retrieve(session.id).status, "expired")

    def test_what_does_not_fit_together(self):
        once = self.stripe.prices.create({"currency": "usd", "unit_amount": 5, "product": self.product()}).id
        for params in [{"line_items": []}, {"line_items": [{"price": "price_none", "quantity": 1}]},
                       {"line_items": [{"price": once, "quantity": 1}]}, {"customer": "cus_none"}]:
            with self.subTest(params), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.session(**params)
            self.assertEqual(refusal.exception.http_status, 400)
