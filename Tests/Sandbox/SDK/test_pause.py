"""Pausing: the subscription itself, and the collection of its invoices."""

import stripe

from support import DAY, HOUR, Story


class Pauses(Story):
    def begin(self, **params):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(3000), billing_mode={"type": "flexible"}, **params)
        self.advance(10 * DAY)
        return buyer, subscription

    def test_paused_and_resumed(self):
        buyer, subscription = self.begin()
        since = self.mark()
        paused = self.stripe.subscriptions.pause(subscription.id)
        self.assertFields(
            paused, status="paused", status_details__paused__type="subscription",
            status_details__paused__subscription__type="pause_requested", pause_collection=None)
        self.assertEqual(
            self.types(since, buyer),
            ["invoiceitem.created", "customer.subscription.paused", "customer.subscription.updated"],
            "what is not used is credited")
        self.assertAlmostEqual(paused["items"].data[0].current_period_end, self.now(), delta=60)
        before = len(self.stripe.invoices.list({"customer": buyer}).data)
        self.advance(60 * DAY)
        self.assertEqual(len(self.stripe.invoices.list({"customer": buyer}).data), before, "nothing is billed")
        since = self.mark()
        resumed = self.stripe.subscriptions.resume(subscription.id)
        self.assertEqual(resumed.status, "active")
        self.assertIsNone(resumed.status_details and resumed.status_details.paused)
        self.assertIn("customer.subscription.resumed", self.types(since, buyer))
        self.assertAlmostEqual(resumed["items"].data[0].current_period_start, self.now(), delta=60)

    def test_the_unused_time_is_credited(self):
        buyer, subscription = self.begin()
        self.stripe.subscriptions.pause(
            subscription.id, {"bill_for": {"unused_time_from": {"type": "now"}}})
        pending, = self.stripe.invoice_items.list({"customer": buyer, "pending": True}).data
        self.assertTrue(-3000 < pending.amount < 0)

    def test_what_cannot_be_paused(self):
        _, paused = self.begin()
        self.stripe.subscriptions.pause(paused.id)
        trial = self.subscribe(self.customer(), self.price(100), trial_period_days=9)
        classic = self.subscribe(self.customer(), self.price(100), billing_mode={"type": "classic"})
        for why, subscription in {"trial": trial, "classic": classic, "paused": paused}.items():
            with self.subTest(why), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.subscriptions.pause(subscription.id)
            self.assertEqual(refusal.exception.http_status, 400)

    def collect(self, behavior, **params):
        buyer, subscription = self.begin()
        since = self.mark()
        stopped = self.stripe.subscriptions.update(
            subscription.id, {"pause_collection": {"behavior": behavior, **params}})
        self.assertFields(stopped, status="active", pause_collection__behavior=behavior)
        update, = self.events(since, buyer)
        self.assertEqual(update.type, "customer.subscription.updated")
        self.assertIsNone(update.data.previous_attributes.pause_collection)
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        return subscription, self.invoice_of(subscription)

    def test_invoices_are_kept_as_drafts(self):
        subscription, invoice = self.collect("keep_as_draft")
        self.assertFields(invoice, status="draft", auto_advance=False)
        resumed = self.stripe.subscriptions.update(subscription.id, {"pause_collection": ""})
        self.assertFields(resumed, status="active", pause_collection=None)

    def test_invoices_are_given_up(self):
        self.assertEqual(self.collect("mark_uncollectible")[1].status, "uncollectible")

    def test_invoices_are_voided(self):
        self.assertEqual(self.collect("void")[1].status, "void")

    def test_collection_begins_again_by_itself(self):
        subscription, _ = self.collect("void", resumes_at=self.now() + 40 * DAY)
        self.advance(15 * DAY)
        self.assertIsNone(self.stripe.subscriptions.retrieve(subscription.id).pause_collection)

    def test_an_older_subscription_is_brought_up_to_date(self):
        subscription = self.subscribe(self.customer(), self.price(100), billing_mode={"type": "classic"})
        moved = self.stripe.subscriptions.migrate(subscription.id, {"billing_mode": {"type": "flexible"}})
        self.assertFields(moved, id=subscription.id, billing_mode__type="flexible", status="active")
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.subscriptions.migrate(subscription.id, {"billing_mode": {"type": "flexible"}})
