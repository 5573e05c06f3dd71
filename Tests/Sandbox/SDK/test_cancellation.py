"""The end of a subscription: now, at the end of its period, at a date, and what may still be done with it."""

import stripe

from support import DAY, HOUR, Story


class Cancellation(Story):
    def begin(self, **params):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(2000), **params)
        return buyer, subscription, subscription["items"].data[0]

    def test_canceled_now(self):
        buyer, subscription, _ = self.begin()
        since = self.mark()
        ended = self.stripe.subscriptions.cancel(
            subscription.id, {"cancellation_details": {"comment": "Moved away", "feedback": "unused"}})
        self.assertFields(
            ended, id=subscription.id, status="canceled", cancel_at=None, cancel_at_period_end=False,
            canceled_at=ended.ended_at, cancellation_details__reason="cancellation_requested",
            cancellation_details__comment="Moved away", cancellation_details__feedback="unused")
        self.assertEqual(self.types(since, buyer), ["customer.subscription.deleted"])
        listed = self.stripe.subscriptions.list({"customer": buyer}).data
        self.assertEqual(listed, [], "a canceled one is listed only on demand")
        self.assertEqual(len(self.stripe.subscriptions.list({"customer": buyer, "status": "canceled"}).data), 1)

    def test_a_canceled_one_only_takes_words(self):
        _, subscription, _ = self.begin()
        self.stripe.subscriptions.cancel(subscription.id)
        noted = self.stripe.subscriptions.update(subscription.id, {"metadata": {"why": "price"}})
        self.assertEqual(noted.metadata["why"], "price")
        with self.refused(code="invalid_canceled_subscription_fields"):
            self.stripe.subscriptions.update(subscription.id, {"description": "Back again"})
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.subscriptions.cancel(subscription.id)

    def test_at_the_end_of_the_period(self):
        buyer, subscription, item = self.begin()
        since = self.mark()
        ending = self.stripe.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        self.assertFields(
            ending, status="active", cancel_at_period_end=True, cancel_at=item.current_period_end, ended_at=None,
            cancellation_details__reason="cancellation_requested")
        self.assertIsNotNone(ending.canceled_at)
        update, = self.events(since, buyer)
        self.assertEqual(update.type, "customer.subscription.updated")
        self.assertFields(
            update.data.previous_attributes, cancel_at_period_end=False, cancel_at=None, canceled_at=None)
        since = self.mark()
        self.advance(to=item.current_period_end + 2 * HOUR)
        ended = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(ended, status="canceled", ended_at=item.current_period_end)
        self.assertEqual(self.types(since, buyer), ["customer.subscription.deleted"])
        self.assertEqual(len(self.stripe.invoices.list({"customer": buyer}).data), 1, "nothing was renewed")

    def test_a_change_of_mind_before_the_end(self):
        buyer, subscription, item = self.begin()
        self.stripe.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        kept = self.stripe.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
        self.assertFields(
            kept, status="active", cancel_at_period_end=False, cancel_at=None, canceled_at=None,
            cancellation_details__reason=None)
        self.advance(to=item.current_period_end + 2 * HOUR)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertEqual(len(self.stripe.invoices.list({"customer": buyer}).data), 2)

    def test_at_a_date(self):
        _, subscription, item = self.begin()
        date = item.current_period_end
        ending = self.stripe.subscriptions.update(subscription.id, {"cancel_at": date})
        self.assertFields(ending, cancel_at=date, cancel_at_period_end=False, status="active")
        kept = self.stripe.subscriptions.update(subscription.id, {"cancel_at": ""})
        self.assertEqual(kept.cancel_at, None)
        self.stripe.subscriptions.update(subscription.id, {"cancel_at": "min_period_end"})
        self.advance(to=date + 60)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "canceled")

    def test_a_date_that_is_over(self):
        _, subscription, _ = self.begin()
        with self.refused(param="cancel_at"):
            self.stripe.subscriptions.update(subscription.id, {"cancel_at": self.now() - DAY})

    def test_the_unused_time_is_credited_on_demand(self):
        buyer, subscription, item = self.begin()
        self.advance(10 * DAY)
        self.stripe.subscriptions.cancel(subscription.id, {"prorate": True})
        pending = self.stripe.invoice_items.list({"customer": buyer, "pending": True}).data
        self.assertEqual(len(pending), 1)
        self.assertLess(pending[0].amount, 0)
        self.assertTrue(pending[0].description.startswith("Unused time on Widget after "))

    def test_a_final_invoice_on_demand(self):
        _, subscription, _ = self.begin()
        self.advance(10 * DAY)
        ended = self.stripe.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})
        final = self.invoice_of(ended)
        self.assertEqual(final.billing_reason, "subscription_cycle")
        self.assertLess(final.total, 0)

    def test_a_deleted_customer_takes_his_subscriptions_along(self):
        buyer, subscription, _ = self.begin()
        since = self.mark()
        self.stripe.customers.delete(buyer)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "canceled")
        self.assertEqual(
            [name for name in self.types(since, buyer) if "deleted" in name],
            ["customer.subscription.deleted", "customer.deleted"])

    def test_an_incomplete_one_never_was(self):
        buyer = self.customer(paying=None)
        subscription = self.subscribe(buyer, self.price(2000), payment_behavior="default_incomplete")
        ended = self.stripe.subscriptions.cancel(subscription.id)
        self.assertIn(ended.status, ("canceled", "incomplete_expired"))
        self.assertEqual(self.invoice_of(subscription).status, "void")

    def test_who_is_not_there_cannot_be_canceled(self):
        with self.refused(stripe.InvalidRequestError, 404, "resource_missing", "id") as refusal:
            self.stripe.subscriptions.cancel("sub_nobody")
        self.assertEqual(refusal.message, "No such subscription: 'sub_nobody'")
