"""Trials: nothing is owed until they end, and how they end depends on whether a method is known by then."""

from support import DAY, HOUR, Story


class Trials(Story):
    def test_a_trial_costs_nothing_and_then_renews_at_its_price(self):
        buyer = self.customer()
        since = self.mark()
        subscription = self.subscribe(buyer, self.price(3000), trial_period_days=14, expand=["latest_invoice"])
        end = subscription.trial_end
        self.assertEqual(end - subscription.trial_start, 14 * DAY)
        self.assertFields(
            subscription, status="trialing", billing_cycle_anchor=end, pending_setup_intent=None,
            latest_invoice__status="paid", latest_invoice__total=0, latest_invoice__amount_due=0,
            latest_invoice__attempt_count=0, latest_invoice__billing_reason="subscription_create")
        self.assertEqual(subscription["items"].data[0].current_period_end, end)
        self.assertEqual(subscription.latest_invoice.lines.data[0].description, "Free trial for 1 × Widget")
        self.assertIn("invoice.paid", self.types(since, buyer))

        since = self.mark()
        self.advance(to=end - 3 * DAY)
        self.assertEqual(self.types(since, buyer), ["customer.subscription.trial_will_end"])
        since = self.mark()
        self.advance(to=end)
        began = self.stripe.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        self.assertFields(
            began, status="active", trial_end=end, latest_invoice__status="draft", latest_invoice__total=3000,
            latest_invoice__billing_reason="subscription_cycle")
        self.assertEqual(began["items"].data[0].current_period_start, end)
        self.assertEqual(self.types(since, buyer), ["customer.subscription.updated", "invoice.created"])
        self.advance(HOUR + 60)
        self.assertFields(self.invoice_of(subscription), status="paid", amount_paid=3000)

    def test_a_trial_without_a_card_asks_for_one(self):
        buyer = self.customer(paying=None)
        subscription = self.subscribe(
            buyer, self.price(3000), trial_period_days=7, payment_behavior="default_incomplete",
            expand=["pending_setup_intent"])
        setup = subscription.pending_setup_intent
        self.assertFields(setup, status="requires_payment_method", usage="off_session", customer=buyer)
        done = self.browser.setup_intents.confirm(
            setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"})
        self.assertEqual(done.status, "succeeded")
        after = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(after, pending_setup_intent=None, default_payment_method=done.payment_method, status="trialing")
        self.advance(to=after.trial_end + HOUR + 60)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertFields(self.invoice_of(subscription), status="paid", amount_paid=3000)

    def end_without_card(self, ending):
        buyer = self.customer(paying=None)
        subscription = self.subscribe(
            buyer, self.price(3000), trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": ending}})
        since = self.mark()
        self.advance(to=subscription.trial_end)
        return buyer, self.stripe.subscriptions.retrieve(subscription.id), since

    def test_a_trial_that_ends_without_a_card_pauses(self):
        buyer, subscription, since = self.end_without_card("pause")
        self.assertFields(subscription, status="paused", pause_collection=None)
        self.assertIn("customer.subscription.paused", self.types(since, buyer))
        self.assertEqual(len(self.stripe.invoices.list({"customer": buyer}).data), 1)

    def test_a_trial_that_ends_without_a_card_is_canceled(self):
        buyer, subscription, since = self.end_without_card("cancel")
        self.assertFields(subscription, status="canceled", ended_at=subscription.trial_end)
        self.assertIn("customer.subscription.deleted", self.types(since, buyer))

    def test_a_trial_that_ends_without_a_card_bills_anyway(self):
        buyer, subscription, since = self.end_without_card("create_invoice")
        self.assertEqual(subscription.status, "active")
        self.advance(HOUR + 60)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "past_due")
        self.assertIn("invoice.payment_failed", self.types(since, buyer))

    def test_a_trial_is_ended_by_hand(self):
        subscription = self.subscribe(self.customer(), self.price(3000), trial_period_days=30)
        ended = self.stripe.subscriptions.update(
            subscription.id, {"trial_end": "now", "expand": ["latest_invoice"]})
        self.assertFields(
            ended, status="active", latest_invoice__status="paid", latest_invoice__amount_paid=3000,
            latest_invoice__billing_reason="subscription_update")
        self.assertEqual(ended["items"].data[0].current_period_start, ended.billing_cycle_anchor)

    def test_a_trial_until_a_date(self):
        end = self.now() + 40 * DAY
        subscription = self.subscribe(self.customer(), self.price(3000), trial_end=end)
        self.assertFields(subscription, status="trialing", trial_end=end, billing_cycle_anchor=end)

    def test_a_trial_that_is_canceled_at_its_end_never_charges(self):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(3000), trial_period_days=7)
        canceling = self.stripe.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        self.assertFields(canceling, status="trialing", cancel_at=subscription.trial_end)
        self.advance(to=subscription.trial_end + 2 * HOUR)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "canceled")
        self.assertEqual([invoice.total for invoice in self.stripe.invoices.list({"customer": buyer}).data], [0])

    def test_a_trial_has_bounds(self):
        buyer, price = self.customer(), self.price(3000)
        with self.refused(param="trial_end"):
            self.subscribe(buyer, price, trial_end=self.now() - DAY)
        with self.assertRaises(Exception):
            self.subscribe(buyer, price, trial_end=self.now() + DAY, trial_period_days=3)
