"""Updates that wait for their payment: `payment_behavior=pending_if_incomplete`."""

from support import DAY, HOUR, Story


class PendingUpdates(Story):
    def begin(self, token="pm_card_chargeCustomerFail"):
        """An upgrade that is parked because its payment failed."""
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(1000))
        self.advance(5 * DAY)
        self.pay_with(buyer, token)
        item = subscription["items"].data[0]
        self.price_after = self.price(8000)
        since = self.mark()
        parked = self.stripe.subscriptions.update(
            subscription.id,
            {"items": [{"id": item.id, "price": self.price_after, "quantity": 1}],
             "proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete",
             "expand": ["latest_invoice"]})
        return buyer, parked, since

    def test_a_change_that_could_not_be_paid_waits(self):
        buyer, parked, since = self.begin()
        self.assertEqual(parked.status, "active")
        self.assertEqual(parked["items"].data[0].price.unit_amount, 1000, "nothing has changed yet")
        self.assertEqual(parked.pending_update.subscription_items[0].price.id, self.price_after)
        self.assertAlmostEqual(parked.pending_update.expires_at, self.now() + 23 * HOUR, delta=60)
        self.assertFields(
            parked.latest_invoice, status="open", billing_reason="subscription_update", attempt_count=1)
        types = self.types(since, buyer)
        self.assertIn("invoice.payment_failed", types)
        last = [event for event in self.events(since, buyer) if event.type == "customer.subscription.updated"][-1]
        self.assertIsNone(last.data.previous_attributes.pending_update)

    def test_it_applies_when_it_is_paid(self):
        buyer, parked, _ = self.begin()
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": buyer})
        since = self.mark()
        self.stripe.invoices.pay(parked.latest_invoice.id, {"payment_method": method.id})
        applied = self.stripe.subscriptions.retrieve(parked.id)
        self.assertFields(applied, pending_update=None, status="active")
        self.assertEqual(applied["items"].data[0].price.id, self.price_after)
        self.assertIn("customer.subscription.pending_update_applied", self.types(since, buyer))

    def test_it_applies_when_the_customer_has_authenticated(self):
        _, parked, _ = self.begin("pm_card_authenticationRequired")
        intent = self.intent_of(parked.latest_invoice)
        self.assertEqual(intent.status, "requires_action")
        self.authenticate(intent.id)
        applied = self.stripe.subscriptions.retrieve(parked.id)
        self.assertEqual(applied["items"].data[0].price.id, self.price_after)

    def test_it_is_dropped_after_23_hours(self):
        buyer, parked, _ = self.begin()
        since = self.mark()
        self.advance(to=parked.pending_update.expires_at + 60)
        dropped = self.stripe.subscriptions.retrieve(parked.id)
        self.assertFields(dropped, pending_update=None, status="active")
        self.assertEqual(dropped["items"].data[0].price.unit_amount, 1000)
        self.assertEqual(self.stripe.invoices.retrieve(parked.latest_invoice.id).status, "void")
        self.assertIn("customer.subscription.pending_update_expired", self.types(since, buyer))

    def test_it_is_dropped_when_its_invoice_is_voided(self):
        _, parked, _ = self.begin()
        self.stripe.invoices.void_invoice(parked.latest_invoice.id)
        self.assertEqual(self.stripe.subscriptions.retrieve(parked.id).pending_update, None)

    def test_it_has_no_sense_when_a_subscription_begins(self):
        with self.refused(param="payment_behavior"):
            self.subscribe(self.customer(), self.price(1000), payment_behavior="pending_if_incomplete")
