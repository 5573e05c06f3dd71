"""Renewals: a draft for an hour, then a payment; and a card that fails, through its retries to the end."""

from support import DAY, HOUR, Story


class Renewals(Story):
    def begin(self, **params):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(2500), **params)
        return buyer, subscription, subscription["items"].data[0].current_period_end

    def test_a_renewal_is_drafted_then_paid(self):
        buyer, subscription, end = self.begin(metadata={"team": "blue"})
        since = self.mark()
        self.advance(to=end)
        renewed = self.stripe.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        item, draft = renewed["items"].data[0], renewed.latest_invoice
        self.assertEqual(item.current_period_start, end)
        self.assertFields(
            draft, status="draft", billing_reason="subscription_cycle", auto_advance=True, number=None, total=2500,
            amount_due=2500, attempt_count=0, attempted=False, hosted_invoice_url=None,
            automatically_finalizes_at=end + HOUR + 1, next_payment_attempt=end + HOUR, period_end=end,
            period_start=subscription["items"].data[0].current_period_start,
            parent__subscription_details__metadata__team="blue")
        self.assertFields(draft.lines.data[0], period__start=end, period__end=item.current_period_end)
        self.assertEqual(renewed.status, "active")
        self.advance(HOUR + 60)
        paid = self.invoice_of(subscription)
        self.assertFields(
            paid, status="paid", amount_paid=2500, attempt_count=1, attempted=True, next_payment_attempt=None)
        self.assertTrue(paid.number.endswith("-0002"), paid.number)
        self.assertIsNotNone(paid.hosted_invoice_url)
        self.assertEqual(
            self.types(since, buyer),
            ["invoice.created", "customer.subscription.updated", "invoice.finalized", "payment_intent.created",
             "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
             "invoice.payment_succeeded", "invoice_payment.paid"])
        for event in self.events(since, buyer):
            self.assertFields(event, request__id=None, request__idempotency_key=None)

    def test_a_year_of_renewals(self):
        buyer, subscription, _ = self.begin()
        self.advance(367 * DAY)
        invoices = list(self.stripe.invoices.list({"subscription": subscription.id, "limit": 5}).auto_paging_iter())
        self.assertEqual([invoice.status for invoice in invoices], ["paid"] * 13)
        self.assertEqual([int(invoice.number[-4:]) for invoice in invoices], list(range(13, 0, -1)))
        ends = [invoice.lines.data[0].period.end for invoice in invoices]
        starts = [invoice.lines.data[0].period.start for invoice in invoices]
        self.assertEqual(starts[:-1], ends[1:], "the periods leave no gap")

    def fail_once(self):
        """A renewal whose first attempt has just failed."""
        buyer, subscription, end = self.begin()
        bad = self.pay_with(buyer, "pm_card_chargeCustomerFail")
        since = self.mark()
        self.advance(to=end + HOUR + 60)
        return buyer, subscription, bad, since

    def test_a_failed_renewal_is_past_due_and_will_be_tried_again(self):
        buyer, subscription, _, since = self.fail_once()
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "past_due")
        invoice = self.invoice_of(subscription)
        self.assertFields(invoice, status="open", attempt_count=1, attempted=True, amount_remaining=2500)
        self.assertGreater(invoice.next_payment_attempt, self.now())
        self.assertTrue(self.stripe.customers.retrieve(buyer).delinquent)
        types = self.types(since, buyer)
        self.assertEqual(
            [name for name in types if name.startswith(("charge", "payment_intent.payment", "invoice.payment"))],
            ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"])
        last = [event for event in self.events(since, buyer) if event.type == "customer.subscription.updated"][-1]
        self.assertEqual(last.data.previous_attributes.status, "active")

    def test_the_retries_end_and_so_does_the_subscription(self):
        buyer, subscription, _, _ = self.fail_once()
        attempts = [1]
        for _ in range(10):
            invoice = self.invoice_of(subscription)
            if invoice.next_payment_attempt is None:
                break
            self.advance(to=invoice.next_payment_attempt + 60)
            attempts.append(self.invoice_of(subscription).attempt_count)
        self.assertEqual(attempts, list(range(1, len(attempts) + 1)), "each retry is counted")
        self.assertGreater(len(attempts), 2)
        ended = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(ended, status="canceled", cancellation_details__reason="payment_failed")
        self.assertEqual(self.invoice_of(subscription).next_payment_attempt, None)

    def test_a_retry_takes_the_new_card(self):
        buyer, subscription, _, _ = self.fail_once()
        self.pay_with(buyer, "pm_card_visa")
        since = self.mark()
        self.advance(to=self.invoice_of(subscription).next_payment_attempt + 60)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertFields(self.invoice_of(subscription), status="paid", attempt_count=2)
        self.assertFalse(self.stripe.customers.retrieve(buyer).delinquent)
        self.assertIn("invoice.paid", self.types(since, buyer))

    def test_paying_by_hand_with_another_card(self):
        buyer, subscription, _, _ = self.fail_once()
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": buyer})
        paid = self.stripe.invoices.pay(self.invoice_of(subscription).id, {"payment_method": method.id})
        self.assertEqual(paid.status, "paid")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_paid_elsewhere(self):
        _, subscription, _, _ = self.fail_once()
        paid = self.stripe.invoices.pay(self.invoice_of(subscription).id, {"paid_out_of_band": True})
        self.assertEqual(paid.status, "paid")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_forgiven(self):
        _, subscription, _, _ = self.fail_once()
        void = self.stripe.invoices.void_invoice(self.invoice_of(subscription).id)
        self.assertFields(void, status="void", amount_due=2500, amount_remaining=2500)
        self.assertEqual(self.intent_of(void).status, "canceled")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_given_up(self):
        _, subscription, _, _ = self.fail_once()
        lost = self.stripe.invoices.mark_uncollectible(self.invoice_of(subscription).id)
        self.assertEqual(lost.status, "uncollectible")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
