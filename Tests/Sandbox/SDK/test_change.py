"""Upgrades and downgrades: what is credited and charged for the rest of a period, when it is billed, and that a preview says
the same beforehand."""

from fractions import Fraction
from math import floor

from support import DAY, HOUR, Story


class Changes(Story):
    def begin(self, amount=1000, quantity=1, **params):
        """A subscription that is ten days old, its item, and its owner."""
        buyer = self.customer()
        subscription = self.subscribe(buyer, (self.price(amount), quantity), **params)
        self.advance(10 * DAY)
        return subscription, subscription["items"].data[0], buyer

    @staticmethod
    def share(item, date, amount):
        """What an amount comes to from a moment of the item's period to its end, each line floored by itself."""
        start, end = item.current_period_start, item.current_period_end
        return floor(Fraction(end - date, end - start) * amount)

    def change(self, subscription, item, price, quantity=1, **params):
        items = [{"id": item.id, "price": price, "quantity": quantity}]
        return self.stripe.subscriptions.update(subscription.id, {"items": items, **params})

    def preview(self, subscription, item, price, quantity=1, **details):
        details = {"items": [{"id": item.id, "price": price, "quantity": quantity}], **details}
        return self.stripe.invoices.create_preview({"subscription": subscription.id, "subscription_details": details})

    def amounts(self, invoice):
        return [line.amount for line in invoice.lines.data]

    def test_an_upgrade_that_is_billed_at_once(self):
        subscription, item, buyer = self.begin(1000)
        date, price = self.now(), self.price(2000)
        expected = [self.share(item, date, -1000), self.share(item, date, 2000)]
        preview = self.preview(
            subscription, item, price, proration_behavior="always_invoice", proration_date=date)
        self.assertFields(preview, status="draft", total=sum(expected), amount_due=sum(expected))
        since = self.mark()
        changed = self.change(
            subscription, item, price, proration_behavior="always_invoice", proration_date=date,
            expand=["latest_invoice"])
        self.assertEqual(self.amounts(preview), expected)
        self.assertFields(
            changed.latest_invoice, status="paid", billing_reason="subscription_update", total=sum(expected),
            amount_paid=sum(expected), subtotal=sum(expected), attempt_count=1)
        self.assertEqual(self.amounts(changed.latest_invoice), expected)
        credit, debit = changed.latest_invoice.lines.data
        self.assertTrue(credit.description.startswith("Unused time on Widget after "))
        self.assertTrue(debit.description.startswith("Remaining time on Widget after "))
        for line in (credit, debit):
            self.assertFields(
                line, discountable=False, period__start=date, period__end=item.current_period_end,
                parent__type="subscription_item_details", parent__subscription_item_details__proration=True,
                parent__subscription_item_details__subscription_item=item.id)
        credited = credit.parent.subscription_item_details.proration_details.credited_items
        self.assertEqual(credited.invoice, subscription.latest_invoice)
        self.assertEqual(changed["items"].data[0].current_period_end, item.current_period_end, "the cycle stays")
        # The order of the two pending items and of what surrounds them is not promised.
        self.assertEqual(
            sorted(self.types(since, buyer)),
            sorted(["invoiceitem.created", "invoiceitem.created", "customer.subscription.updated", "invoice.created",
                    "invoice.finalized", "payment_intent.created", "charge.succeeded", "payment_intent.succeeded",
                    "invoice.updated", "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"]))

    def test_an_upgrade_that_waits_for_the_renewal(self):
        subscription, item, buyer = self.begin(1000)
        price = self.price(2000)
        since, date = self.mark(), self.now()
        changed = self.change(subscription, item, price, proration_date=date)
        self.assertEqual(changed.latest_invoice, subscription.latest_invoice)
        expected = [self.share(item, date, -1000), self.share(item, date, 2000)]
        pending = self.stripe.invoice_items.list({"customer": buyer, "pending": True}).data
        self.assertEqual(sorted(pending_item.amount for pending_item in pending), sorted(expected))
        for pending_item in pending:
            self.assertFields(
                pending_item, proration=True, invoice=None, parent__type="subscription_details",
                parent__subscription_details__subscription=subscription.id)
        self.assertEqual(self.types(since, buyer).count("invoiceitem.created"), 2)
        upcoming = self.stripe.invoices.create_preview({"subscription": subscription.id})
        self.assertEqual(sorted(self.amounts(upcoming)), sorted(expected + [2000]))
        self.advance(to=item.current_period_end + HOUR + 60)
        renewal = self.invoice_of(subscription)
        self.assertFields(renewal, status="paid", billing_reason="subscription_cycle", total=upcoming.total)
        self.assertEqual(sorted(self.amounts(renewal)), sorted(self.amounts(upcoming)))
        self.assertEqual(self.stripe.invoice_items.list({"customer": buyer, "pending": True}).data, [])

    def test_an_upgrade_without_proration(self):
        subscription, item, buyer = self.begin(1000)
        price = self.price(2000)
        since = self.mark()
        changed = self.change(subscription, item, price, proration_behavior="none")
        self.assertEqual(changed["items"].data[0].price.id, price)
        self.assertEqual(self.types(since, buyer), ["customer.subscription.updated"])
        self.advance(to=item.current_period_end + HOUR + 60)
        self.assertFields(self.invoice_of(subscription), total=2000, status="paid")

    def test_a_downgrade_becomes_credit_that_the_next_invoice_uses(self):
        subscription, item, buyer = self.begin(2000)
        date, price = self.now(), self.price(1000)
        credit = self.share(item, date, -2000) + self.share(item, date, 1000)
        since = self.mark()
        changed = self.change(
            subscription, item, price, proration_behavior="always_invoice", proration_date=date,
            expand=["latest_invoice"])
        self.assertFields(
            changed.latest_invoice, status="paid", total=credit, amount_due=0, amount_paid=0, attempt_count=0,
            ending_balance=credit)
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, credit)
        self.assertIn("customer.updated", self.types(since, buyer))
        moves = self.stripe.customers.balance_transactions.list(buyer).data
        self.assertEqual([(move.type, move.amount) for move in moves], [("applied_to_invoice", credit)])
        self.advance(to=item.current_period_end + HOUR + 60)
        self.assertFields(
            self.invoice_of(subscription), total=1000, starting_balance=credit, amount_due=1000 + credit,
            amount_paid=1000 + credit, ending_balance=0)
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, 0)

    def test_more_seats_credit_the_old_and_charge_the_new(self):
        subscription, item, _ = self.begin(1500, 2)
        date = self.now()
        changed = self.change(
            subscription, item, item.price.id, 3, proration_behavior="always_invoice", proration_date=date,
            expand=["latest_invoice"])
        self.assertEqual(
            self.amounts(changed.latest_invoice), [self.share(item, date, -3000), self.share(item, date, 4500)])
        self.assertTrue(changed.latest_invoice.lines.data[1].description.startswith("Remaining time on 3 × Widget after "))

    def test_adding_and_removing_an_item(self):
        subscription, item, _ = self.begin(1000)
        extra, date = self.price(500), self.now()
        grown = self.stripe.subscriptions.update(
            subscription.id, {"items": [{"price": extra, "quantity": 4}], "proration_behavior": "always_invoice",
                              "proration_date": date, "expand": ["latest_invoice"]})
        self.assertEqual(self.amounts(grown.latest_invoice), [self.share(item, date, 2000)])
        added = next(i for i in grown["items"].data if i.price.id == extra)
        self.assertEqual(added.current_period_end, item.current_period_end)
        shrunk = self.stripe.subscriptions.update(
            subscription.id, {"items": [{"id": added.id, "deleted": True}], "proration_behavior": "none"})
        self.assertEqual([i.id for i in shrunk["items"].data], [item.id])

    def test_a_change_of_interval_begins_a_new_period_at_once(self):
        subscription, item, _ = self.begin(1000)
        yearly, date = self.price(10000, "year"), self.now()
        changed = self.change(subscription, item, yearly, proration_date=date, expand=["latest_invoice"])
        moved = changed["items"].data[0]
        self.assertTrue(abs(moved.current_period_start - date) < 60)
        self.assertTrue(365 * DAY <= moved.current_period_end - moved.current_period_start <= 366 * DAY)
        self.assertFields(
            changed.latest_invoice, status="paid", billing_reason="subscription_update",
            total=10000 + self.share(item, date, -1000))

    def test_a_change_whose_payment_is_declined_is_kept_and_past_due(self):
        subscription, item, buyer = self.begin(1000)
        self.pay_with(buyer, "pm_card_chargeCustomerFail")
        changed = self.change(
            subscription, item, self.price(9000), proration_behavior="always_invoice", expand=["latest_invoice"])
        self.assertFields(changed, status="past_due", latest_invoice__status="open")
        self.assertEqual(changed["items"].data[0].price.unit_amount, 9000)

    def test_a_change_whose_payment_is_declined_may_be_refused(self):
        subscription, item, buyer = self.begin(1000)
        self.pay_with(buyer, "pm_card_chargeCustomerFail")
        with self.assertRaises(Exception) as refusal:
            self.change(
                subscription, item, self.price(9000), proration_behavior="always_invoice",
                payment_behavior="error_if_incomplete")
        self.assertEqual((refusal.exception.http_status, refusal.exception.code), (402, "card_declined"))
        same = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(same, status="active", latest_invoice=subscription.latest_invoice)
        self.assertEqual(same["items"].data[0].price.unit_amount, 1000)

    def test_a_preview_of_a_subscription_that_does_not_exist(self):
        buyer = self.customer()
        items = [{"price": self.price(1200), "quantity": 3}]
        preview = self.stripe.invoices.create_preview({"customer": buyer, "subscription_details": {"items": items}})
        self.assertFields(preview, total=3600, amount_due=3600, status="draft", number=None)
        self.assertEqual(self.stripe.subscriptions.list({"customer": buyer, "status": "all"}).data, [])

    def test_a_preview_of_the_renewal_alone(self):
        subscription, item, _ = self.begin(1000)
        self.change(subscription, item, self.price(2000))
        recurring = self.stripe.invoices.create_preview({"subscription": subscription.id, "preview_mode": "recurring"})
        self.assertEqual(self.amounts(recurring), [2000])
