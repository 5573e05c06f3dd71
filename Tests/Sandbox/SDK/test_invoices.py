"""Invoices of subscriptions: read, listed, paid, voided and given up; their lines and payments."""

from support import DAY, HOUR, Story


class Invoices(Story):
    def open_one(self, token=None):
        """An open first invoice and its subscription."""
        customer = self.customer(paying=token)
        subscription = self.subscribe(
            customer, self.price(1800), payment_behavior="default_incomplete", expand=["latest_invoice"])
        return subscription.latest_invoice, subscription

    def test_what_an_open_one_holds(self):
        invoice, subscription = self.open_one()
        self.assertFields(
            invoice, status="open", customer=subscription.customer, currency="usd", total=1800, subtotal=1800,
            amount_due=1800, amount_paid=0, amount_remaining=1800, amount_overpaid=0, amount_shipping=0, attempted=False,
            attempt_count=0, billing_reason="subscription_create", collection_method="charge_automatically",
            customer_email="jenny@example.com", customer_name="Jenny", due_date=None, ending_balance=0, starting_balance=0,
            parent__type="subscription_details", issuer__type="self", receipt_number=None, period_start=invoice.created,
            period_end=invoice.created, status_transitions__finalized_at=invoice.created,
            status_transitions__paid_at=None, livemode=False)
        self.assertTrue(invoice.hosted_invoice_url.startswith("http"))
        self.assertTrue(invoice.invoice_pdf.startswith("http"))
        self.assertTrue(invoice.number.endswith("-0001"))
        self.assertEqual((invoice.total_taxes, invoice.total_discount_amounts, invoice.discounts), ([], [], []))
        self.assertEqual(self.stripe.invoices.retrieve(invoice.id).to_dict(), invoice.to_dict())

    def test_paid_by_hand(self):
        invoice, subscription = self.open_one("pm_card_visa")
        since = self.mark()
        paid = self.stripe.invoices.pay(invoice.id)
        self.assertFields(paid, status="paid", amount_paid=1800, amount_remaining=0, attempted=True, attempt_count=1)
        self.assertIsNotNone(paid.status_transitions.paid_at)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertEqual(self.types(since, subscription.customer)[-1], "customer.subscription.updated")

    def test_paid_elsewhere(self):
        invoice, subscription = self.open_one()
        paid = self.stripe.invoices.pay(invoice.id, {"paid_out_of_band": True})
        self.assertFields(
            paid, status="paid", attempted=False, attempt_count=0, amount_paid=1800, amount_paid_off_stripe=1800)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_voided(self):
        invoice, subscription = self.open_one()
        since = self.mark()
        void = self.stripe.invoices.void_invoice(invoice.id)
        self.assertFields(void, status="void", amount_due=1800, amount_remaining=1800)
        self.assertIsNotNone(void.status_transitions.voided_at)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "incomplete_expired")
        self.assertIn("invoice.voided", self.types(since, subscription.customer))
        with self.refused() as refusal:
            self.stripe.invoices.pay(invoice.id)
        self.assertEqual(refusal.message, "You can only pass in open invoices. This invoice isn't open.")

    def test_given_up(self):
        invoice, subscription = self.open_one()
        since = self.mark()
        lost = self.stripe.invoices.mark_uncollectible(invoice.id)
        self.assertEqual(lost.status, "uncollectible")
        self.assertIsNotNone(lost.status_transitions.marked_uncollectible_at)
        self.assertIn("invoice.marked_uncollectible", self.types(since, subscription.customer))
        with self.refused() as refusal:
            self.stripe.invoices.mark_uncollectible(invoice.id)
        self.assertEqual(refusal.message, "This invoice has already been marked uncollectible.")
        paid = self.stripe.invoices.pay(invoice.id, {"paid_out_of_band": True})
        self.assertEqual(paid.status, "paid")

    def test_a_draft_is_finalized_by_hand(self):
        subscription = self.subscribe(self.customer(), self.price(1800))
        self.advance(to=subscription["items"].data[0].current_period_end)
        draft = self.invoice_of(subscription)
        self.assertEqual(draft.status, "draft")
        updated = self.stripe.invoices.update(
            draft.id, {"auto_advance": False, "description": "Thanks", "footer": "Bye", "metadata": {"k": "v"}})
        self.assertFields(updated, auto_advance=False, description="Thanks", footer="Bye", metadata__k="v")
        self.advance(2 * HOUR)
        self.assertEqual(self.stripe.invoices.retrieve(draft.id).status, "draft", "nobody finalizes it")
        finalized = self.stripe.invoices.finalize_invoice(draft.id)
        self.assertFields(finalized, status="open", amount_due=1800)
        with self.refused() as refusal:
            self.stripe.invoices.update(draft.id, {"description": "Too late"})
        self.assertEqual(refusal.message, "Finalized invoices can't be updated in this way")
        self.assertEqual(self.stripe.invoices.pay(draft.id).status, "paid")

    def test_listed(self):
        customer = self.customer()
        subscription = self.subscribe(customer, self.price(100))
        other = self.subscribe(customer, self.price(200))
        self.advance(to=other["items"].data[0].current_period_end)
        for params, count in [
            ({}, 4), ({"subscription": subscription.id}, 2), ({"status": "paid"}, 2), ({"status": "draft"}, 2),
            ({"collection_method": "send_invoice"}, 0), ({"created": {"gt": self.now() - DAY}}, 2),
            ({"subscription": other.id, "status": "paid"}, 1),
        ]:
            with self.subTest(params):
                self.assertEqual(len(self.stripe.invoices.list({"customer": customer, **params}).data), count)

    def test_its_lines(self):
        customer = self.customer()
        subscription = self.subscribe(customer, (self.price(100), 2), self.price(300))
        lines = self.stripe.invoices.line_items.list(subscription.latest_invoice)
        self.assertEqual(lines.url, f"/v1/invoices/{subscription.latest_invoice}/lines")
        self.assertEqual([(line.amount, line.quantity) for line in lines.data], [(200, 2), (300, 1)])
        for line, item in zip(lines.data, subscription["items"].data):
            self.assertFields(
                line, object="line_item", invoice=subscription.latest_invoice, subscription=subscription.id,
                discountable=True, parent__subscription_item_details__subscription_item=item.id,
                parent__subscription_item_details__proration=False, pricing__price_details__price=item.price.id,
                pricing__price_details__product=item.price.product, subtotal=line.amount)

    def test_its_payments(self):
        invoice, _ = self.open_one("pm_card_visa")
        waiting, = self.stripe.invoice_payments.list({"invoice": invoice.id}).data
        self.assertFields(
            waiting, object="invoice_payment", status="open", amount_requested=1800, amount_paid=None, is_default=True,
            invoice=invoice.id, payment__type="payment_intent", currency="usd")
        self.stripe.invoices.pay(invoice.id)
        paid = self.stripe.invoice_payments.retrieve(waiting.id)
        self.assertFields(paid, status="paid", amount_paid=1800)
        intent = waiting.payment.payment_intent
        found, = self.stripe.invoice_payments.list(
            {"payment": {"type": "payment_intent", "payment_intent": intent}}).data
        self.assertFields(found, id=waiting.id, invoice=invoice.id)
        self.assertEqual(self.stripe.invoice_payments.list({"invoice": invoice.id, "status": "open"}).data, [])
        with self.refused(code="resource_missing", param="invoice"):
            self.stripe.invoice_payments.list({"invoice": "in_none"})

    def test_amounts_below_the_smallest_charge_are_carried_over(self):
        customer = self.customer()
        subscription = self.subscribe(customer, self.price(30), expand=["latest_invoice"])
        self.assertFields(
            subscription.latest_invoice, status="paid", total=30, amount_due=0, amount_paid=0, ending_balance=30)
        self.assertEqual(self.stripe.customers.retrieve(customer).balance, 30)
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        self.assertFields(self.invoice_of(subscription), total=30, starting_balance=30, amount_due=60, amount_paid=60)

    def test_nothing_to_pay_is_paid(self):
        subscription = self.subscribe(self.customer(paying=None), self.price(0), expand=["latest_invoice.payments"])
        self.assertFields(
            subscription, status="active", latest_invoice__status="paid", latest_invoice__amount_due=0,
            latest_invoice__attempted=True, latest_invoice__attempt_count=0)
        self.assertEqual(subscription.latest_invoice.payments.data, [])
