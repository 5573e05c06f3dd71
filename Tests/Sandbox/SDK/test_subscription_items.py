"""Subscription items by themselves: added, changed, listed and taken away."""

from support import DAY, Story


class SubscriptionItems(Story):
    def begin(self):
        subscription = self.subscribe(self.customer(), self.price(1000))
        self.advance(10 * DAY)
        return subscription, subscription["items"].data[0]

    def test_added_retrieved_changed_and_removed(self):
        subscription, first = self.begin()
        price = self.price(500)
        item = self.stripe.subscription_items.create(
            {"subscription": subscription.id, "price": price, "quantity": 2, "metadata": {"k": "v"},
             "proration_behavior": "none"})
        self.assertFields(
            item, object="subscription_item", price__id=price, quantity=2, subscription=subscription.id, metadata__k="v",
            current_period_end=first.current_period_end)
        self.assertEqual(self.stripe.subscription_items.retrieve(item.id).to_dict(), item.to_dict())
        changed = self.stripe.subscription_items.update(item.id, {"quantity": 5, "proration_behavior": "none"})
        self.assertEqual(changed.quantity, 5)
        listed = self.stripe.subscription_items.list({"subscription": subscription.id})
        self.assertEqual([each.id for each in listed.data], [first.id, item.id], "oldest first")
        self.stripe.subscription_items.delete(item.id, {"proration_behavior": "none"})
        self.assertEqual(len(self.stripe.subscriptions.retrieve(subscription.id)["items"].data), 1)

    def test_an_added_item_is_charged_for_the_rest_of_the_period(self):
        subscription, _ = self.begin()
        since = self.mark()
        self.stripe.subscription_items.create(
            {"subscription": subscription.id, "price": self.price(3000), "proration_behavior": "always_invoice"})
        invoice = self.invoice_of(subscription)
        self.assertFields(invoice, status="paid", billing_reason="subscription_update")
        self.assertTrue(0 < invoice.total < 3000)
        self.assertIn("customer.subscription.updated", self.types(since, subscription.customer))

    def test_a_removed_item_is_credited(self):
        subscription = self.subscribe(self.customer(), self.price(1000), self.price(2000))
        self.advance(10 * DAY)
        item = subscription["items"].data[1]
        self.stripe.subscription_items.delete(item.id)
        pending, = self.stripe.invoice_items.list({"customer": subscription.customer, "pending": True}).data
        self.assertTrue(-2000 < pending.amount < 0)

    def test_the_same_price_twice(self):
        subscription, first = self.begin()
        with self.refused(param="plan") as refusal:
            self.stripe.subscription_items.create({"subscription": subscription.id, "price": first.price.id})
        self.assertIn(f"an existing Subscription Item {first.id} is already using that Price", refusal.message)

    def test_what_is_not_there(self):
        with self.refused(code="parameter_missing", param="subscription"):
            self.stripe.subscription_items.create({"price": self.price(1)})
        with self.refused(status=404, code="resource_missing", param="subscription"):
            self.stripe.subscription_items.list({"subscription": "sub_none"})
        with self.refused(status=404):
            self.stripe.subscription_items.update("si_none", {"quantity": 2})
