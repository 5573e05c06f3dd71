"""Expansion: ids that become objects, members that are there only on demand, and what cannot be expanded."""

from support import Story


class Expansion(Story):
    def begin(self):
        buyer = self.customer()
        return buyer, self.subscribe(buyer, self.price(1000), expand=["latest_invoice"])

    def test_an_id_becomes_the_object(self):
        buyer, subscription = self.begin()
        plain = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertEqual(plain.customer, buyer)
        full = self.stripe.subscriptions.retrieve(
            subscription.id, {"expand": ["customer", "latest_invoice.customer", "items.data.price.product"]})
        self.assertFields(full, customer__id=buyer, customer__object="customer", latest_invoice__customer__id=buyer)
        self.assertEqual(full["items"].data[0].price.product.name, "Widget")

    def test_answers_to_changes_expand_too(self):
        _, subscription = self.begin()
        changed = self.stripe.subscriptions.update(subscription.id, {"metadata": {"a": "1"}, "expand": ["customer"]})
        self.assertEqual(changed.customer.object, "customer")
        ended = self.stripe.subscriptions.cancel(subscription.id, {"expand": ["latest_invoice"]})
        self.assertEqual(ended.latest_invoice.object, "invoice")

    def test_a_list_expands_what_it_lists(self):
        buyer, subscription = self.begin()
        listed = self.stripe.invoices.list(
            {"customer": buyer, "expand": ["data.customer", "data.parent.subscription_details.subscription"]})
        self.assertEqual(listed.data[0].customer.id, buyer)
        self.assertEqual(listed.data[0].parent.subscription_details.subscription.id, subscription.id)

    def test_members_that_are_there_only_on_demand(self):
        buyer, subscription = self.begin()
        invoice = self.stripe.invoices.retrieve(subscription.latest_invoice.id)
        self.assertIsNone(getattr(invoice, "payments", None))
        self.assertIsNone(getattr(invoice, "confirmation_secret", None))
        full = self.stripe.invoices.retrieve(invoice.id, {"expand": ["payments.data.payment.payment_intent"]})
        self.assertEqual(full.payments.data[0].payment.payment_intent.status, "succeeded")
        customer = self.stripe.customers.retrieve(buyer)
        self.assertIsNone(getattr(customer, "subscriptions", None))
        customer = self.stripe.customers.retrieve(buyer, {"expand": ["subscriptions"]})
        self.assertEqual([each.id for each in customer.subscriptions.data], [subscription.id])
        price = self.stripe.prices.retrieve(self.price(1000))
        self.assertIsNone(getattr(price, "currency_options", None))

    def test_the_intent_of_a_charge_and_back(self):
        _, subscription = self.begin()
        intent = self.stripe.payment_intents.retrieve(
            self.intent_of(subscription.latest_invoice).id,
            {"expand": ["latest_charge.balance_transaction", "payment_method", "customer"]})
        self.assertFields(
            intent, latest_charge__paid=True, latest_charge__balance_transaction__amount=1000,
            payment_method__card__last4="4242", customer__object="customer")

    def test_a_deleted_object_is_expanded_as_what_is_left_of_it(self):
        buyer, subscription = self.begin()
        self.stripe.customers.delete(buyer)
        ended = self.stripe.subscriptions.retrieve(subscription.id, {"expand": ["customer"]})
        self.assertFields(ended.customer, id=buyer, object="customer", deleted=True)

    def test_null_stays_null(self):
        _, subscription = self.begin()
        found = self.stripe.subscriptions.retrieve(
            subscription.id, {"expand": ["pending_setup_intent", "default_payment_method.customer"]})
        self.assertFields(found, pending_setup_intent=None, default_payment_method=None)

    def test_what_cannot_be_expanded(self):
        _, subscription = self.begin()
        for path in ["foo", "id", "status", "customer.foo", "latest_invoice.number"]:
            with self.subTest(path), self.refused(param="expand") as refusal:
                self.stripe.subscriptions.retrieve(subscription.id, {"expand": [path]})
            self.assertEqual(refusal.message, f"This property cannot be expanded ({path}).")

    def test_a_list_says_how_it_is_meant(self):
        with self.refused(param="expand") as refusal:
            self.stripe.subscriptions.list({"expand": ["customer"]})
        self.assertIn("You may want to try expanding 'data.customer' instead.", refusal.message)

    def test_four_levels_and_no_more(self):
        _, subscription = self.begin()
        with self.refused(param="expand") as refusal:
            self.stripe.subscriptions.retrieve(
                subscription.id, {"expand": ["latest_invoice.payments.data.payment.payment_intent"]})
        self.assertIn("more than 4 levels", refusal.message)
