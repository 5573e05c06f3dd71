"""How retries end, as the account's owner wants it: `POST /sandbox/settings` stands for the Dashboard."""

import support
from support import DAY, HOUR, Story


class Dunning(Story):
    def setUp(self):
        self.addCleanup(self.settings, after_retries="cancel", upcoming_days=0, overdue_days="")

    def settings(self, **params):
        return support.sandbox("POST", "/sandbox/settings", **params)

    def exhaust(self, ending):
        """A renewal whose every attempt fails."""
        self.settings(after_retries=ending)
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(2500))
        self.pay_with(buyer, "pm_card_chargeCustomerFail")
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        failed = self.invoice_of(subscription).id
        for _ in range(10):
            due = self.stripe.invoices.retrieve(failed).next_payment_attempt
            if due is None:
                break
            self.advance(to=due + 60)
        return buyer, subscription.id, failed

    def test_canceled(self):
        _, subscription, failed = self.exhaust("cancel")
        self.assertFields(
            self.stripe.subscriptions.retrieve(subscription), status="canceled",
            cancellation_details__reason="payment_failed")
        self.assertEqual(self.stripe.invoices.retrieve(failed).status, "open")

    def test_unpaid_makes_drafts_that_wait(self):
        buyer, subscription, failed = self.exhaust("unpaid")
        unpaid = self.stripe.subscriptions.retrieve(subscription)
        self.assertEqual(unpaid.status, "unpaid")
        self.advance(to=unpaid["items"].data[0].current_period_end + 2 * HOUR)
        self.assertFields(self.invoice_of(subscription), status="draft", auto_advance=False)

    def test_unpaid_is_healed_by_paying(self):
        buyer, subscription, failed = self.exhaust("unpaid")
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": buyer}).id
        self.stripe.invoices.pay(failed, {"payment_method": method})
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "active")

    def test_left_past_due(self):
        _, subscription, _ = self.exhaust("past_due")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "past_due")

    def test_paused(self):
        _, subscription, _ = self.exhaust("pause")
        self.assertFields(
            self.stripe.subscriptions.retrieve(subscription), status="paused",
            status_details__paused__subscription__type="final_payment_failure")

    def test_a_renewal_is_announced(self):
        self.settings(upcoming_days=7)
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(2500))
        since = self.mark()
        self.advance(to=subscription["items"].data[0].current_period_end - 6 * DAY)
        event, = self.events(since, buyer)
        self.assertFields(event, type="invoice.upcoming", data__object__total=2500, data__object__customer=buyer)
