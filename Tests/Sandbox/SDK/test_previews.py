"""A preview says what the invoice will say, whatever has happened before: random histories, each by its seed."""

import random

from support import DAY, HOUR, Story


class Previews(Story):
    def setUp(self):
        self.prices = [self.price(amount) for amount in (700, 999, 2500, 10001)]

    def assertSame(self, preview, invoice, seed):
        names = ("total", "subtotal", "amount_due", "starting_balance", "currency")
        told = {name: getattr(preview, name) for name in names}
        self.assertEqual(told, {name: getattr(invoice, name) for name in told}, f"seed {seed}")
        lines = [sorted((line.amount, line.description, line.quantity) for line in each.lines.data)
                 for each in (preview, invoice)]
        self.assertEqual(*lines, f"seed {seed}")

    def items(self, subscription, dice):
        """A change of the subscription's items."""
        now = self.stripe.subscriptions.retrieve(subscription)["items"].data
        item, used = dice.choice(now), {each.price.id for each in now}
        free = [price for price in self.prices if price not in used]
        kind = dice.choice(["price", "quantity", "add", "remove"])
        if kind == "add" and free:
            return [{"price": dice.choice(free), "quantity": dice.randint(1, 4)}]
        if kind == "remove" and len(now) > 1:
            return [{"id": item.id, "deleted": True}]
        if kind == "price" and free:
            return [{"id": item.id, "price": dice.choice(free), "quantity": dice.randint(1, 4)}]
        return [{"id": item.id, "quantity": item.quantity % 5 + 1}]

    def change_now(self, subscription, dice, seed):
        """A change that is billed at once."""
        params = {
            "items": self.items(subscription, dice), "proration_behavior": "always_invoice", "proration_date": self.now()}
        preview = self.stripe.invoices.create_preview({"subscription": subscription, "subscription_details": params})
        before = self.invoice_of(subscription).id
        changed = self.stripe.subscriptions.update(subscription, {**params, "expand": ["latest_invoice"]})
        if changed.latest_invoice.id != before:
            self.assertSame(preview, changed.latest_invoice, seed)

    def change_later(self, subscription, dice, seed):
        """A change that waits for the renewal."""
        self.stripe.subscriptions.update(
            subscription, {"items": self.items(subscription, dice), "proration_date": self.now()})

    def put_something_on(self, subscription, dice, seed):
        self.stripe.invoice_items.create(
            {"customer": self.buyer, "amount": dice.randint(-900, 900), "currency": "usd", "description": "Something"})

    def give_credit(self, subscription, dice, seed):
        self.stripe.customers.balance_transactions.create(
            self.buyer, {"amount": dice.randint(-3000, 500), "currency": "usd"})

    def renew(self, subscription, dice, seed):
        preview = self.stripe.invoices.create_preview({"subscription": subscription})
        end = self.stripe.subscriptions.retrieve(subscription)["items"].data[0].current_period_end
        self.advance(to=end + HOUR + 60)
        invoice = self.invoice_of(subscription)
        self.assertEqual(invoice.billing_reason, "subscription_cycle")
        self.assertSame(preview, invoice, seed)

    def test_random_histories(self):
        for seed in range(10):
            with self.subTest(seed=seed):
                dice = random.Random(seed)
                self.buyer = self.customer()
                mode = dice.choice(["flexible", "classic"])
                items = [{"price": dice.choice(self.prices), "quantity": dice.randint(1, 4)}]
                preview = self.stripe.invoices.create_preview(
                    {"customer": self.buyer, "subscription_details": {"items": items, "billing_mode": {"type": mode}}})
                subscription = self.subscribe(
                    self.buyer, items=items, billing_mode={"type": mode}, expand=["latest_invoice"])
                self.assertSame(preview, subscription.latest_invoice, seed)
                steps = [self.change_now, self.change_later, self.put_something_on, self.give_credit, self.renew]
                for _ in range(6):
                    self.advance(dice.randint(0, 9 * DAY))
                    dice.choice(steps)(subscription.id, dice, seed)
                self.renew(subscription.id, dice, seed)
                self.forget(self.buyer)
