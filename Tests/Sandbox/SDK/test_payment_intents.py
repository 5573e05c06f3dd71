"""Payment intents and the charges that they make."""

import stripe

from support import Story

BACK = {"return_url": "https://example.com"}


class PaymentIntents(Story):
    def test_created_confirmed_and_charged(self):
        customer = self.customer()
        since = self.mark()
        intent = self.stripe.payment_intents.create(
            {"amount": 4200, "currency": "usd", "customer": customer, "description": "A chair", "metadata": {"k": "v"},
             "receipt_email": "jenny@example.com", "statement_descriptor_suffix": "CHAIR",
             "automatic_payment_methods": {"enabled": True}})
        self.assertFields(
            intent, status="requires_payment_method", amount=4200, amount_received=0, currency="usd", customer=customer,
            capture_method="automatic_async", confirmation_method="automatic", latest_charge=None, canceled_at=None,
            description="A chair", last_payment_error=None, receipt_email="jenny@example.com")
        self.assertTrue(intent.client_secret.startswith(f"{intent.id}_secret_"))
        paid = self.stripe.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", **BACK})
        self.assertFields(paid, status="succeeded", amount_received=4200)
        charge = self.stripe.charges.retrieve(paid.latest_charge, {"expand": ["balance_transaction"]})
        self.assertFields(
            charge, amount=4200, amount_captured=4200, amount_refunded=0, captured=True, paid=True, refunded=False,
            status="succeeded", payment_intent=intent.id, customer=customer, disputed=False,
            outcome__type="authorized", outcome__network_status="approved_by_network",
            payment_method_details__card__last4="4242", balance_transaction__amount=4200)
        self.assertEqual(
            self.types(since, customer), ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"])

    def test_created_and_confirmed_in_one_call(self):
        customer = self.customer()
        method = self.stripe.customers.retrieve(customer).invoice_settings.default_payment_method
        paid = self.stripe.payment_intents.create(
            {"amount": 100, "currency": "eur", "customer": customer, "payment_method": method, "confirm": True,
             "off_session": True})
        self.assertFields(paid, status="succeeded", currency="eur", payment_method=method)

    def test_updated_and_listed(self):
        customer = self.customer()
        intent = self.stripe.payment_intents.create({"amount": 100, "currency": "usd"})
        since = self.mark()
        updated = self.stripe.payment_intents.update(
            intent.id, {"amount": 250, "customer": customer, "metadata": {"k": "v"}, "description": "More"})
        self.assertFields(updated, amount=250, customer=customer, metadata__k="v", description="More")
        other = self.stripe.payment_intents.create({"amount": 100, "currency": "usd", "customer": customer})
        listed = self.stripe.payment_intents.list({"customer": customer})
        self.assertEqual([each.id for each in listed.data], [other.id, intent.id])
        self.assertEqual(self.types(since, intent.id), [])

    def test_canceled(self):
        intent = self.stripe.payment_intents.create({"amount": 100, "currency": "usd"})
        since = self.mark()
        canceled = self.stripe.payment_intents.cancel(intent.id, {"cancellation_reason": "requested_by_customer"})
        self.assertFields(canceled, status="canceled", cancellation_reason="requested_by_customer")
        self.assertIsNotNone(canceled.canceled_at)
        self.assertEqual(self.types(since, intent.id), ["payment_intent.canceled"])
        with self.refused(code="payment_intent_unexpected_state"):
            self.stripe.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa", **BACK})

    def test_an_invoices_intent_is_not_canceled_by_hand(self):
        subscription = self.subscribe(
            self.customer(paying=None), self.price(100), payment_behavior="default_incomplete")
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.payment_intents.cancel(self.intent_of(subscription.latest_invoice).id)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_without_a_method_there_is_nothing_to_confirm(self):
        intent = self.stripe.payment_intents.create({"amount": 100, "currency": "usd"})
        with self.refused(code="payment_intent_unexpected_state") as refusal:
            self.stripe.payment_intents.confirm(intent.id)
        self.assertIn("because it's missing a payment method", refusal.message)

    def test_amounts_have_bounds(self):
        for amount, code in [(49, "amount_too_small"), (0, "parameter_invalid_integer"), (-5, None)]:
            with self.subTest(amount), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.payment_intents.create({"amount": amount, "currency": "usd"})
            self.assertEqual(refusal.exception.param, "amount")
            if code:
                self.assertEqual(refusal.exception.code, code)
        self.assertEqual(self.stripe.payment_intents.create({"amount": 50, "currency": "jpy"}).amount, 50)

    def test_kinds_of_method_are_no_longer_written(self):
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.payment_intents.create({"amount": 100, "currency": "usd", "payment_method_types": ["card"]})
        self.assertEqual(refusal.exception.http_status, 400)
        older = self.stripe.payment_intents.create(
            {"amount": 100, "currency": "usd", "payment_method_types": ["card"]},
            {"stripe_version": "2026-08-26.dahlia"})
        self.assertEqual(older.payment_method_types, ["card"])

    def test_a_method_of_somebody_else(self):
        other = self.stripe.payment_methods.attach("pm_card_visa", {"customer": self.customer(paying=None)}).id
        mine = self.customer(paying=None)
        with self.refused(param="payment_method") as refusal:
            self.stripe.payment_intents.create(
                {"amount": 100, "currency": "usd", "customer": mine, "payment_method": other})
        self.assertIn(f"does not belong to the Customer you supplied {mine}", refusal.message)
        with self.refused(code="parameter_missing", param="source"):
            self.stripe.payment_intents.create({"amount": 100, "currency": "usd", "payment_method": other})

    def test_charges_are_listed(self):
        customer = self.customer()
        subscription = self.subscribe(customer, self.price(700))
        intent = self.intent_of(subscription.latest_invoice)
        by_customer = self.stripe.charges.list({"customer": customer}).data
        by_intent = self.stripe.charges.list({"payment_intent": intent.id}).data
        self.assertEqual([charge.id for charge in by_customer], [intent.latest_charge])
        self.assertEqual([charge.id for charge in by_intent], [intent.latest_charge])

    def test_a_method_is_saved_for_later_on_demand(self):
        customer = self.customer(paying=None)
        self.stripe.payment_intents.create(
            {"amount": 100, "currency": "usd", "customer": customer, "payment_method": "pm_card_visa", "confirm": True,
             "setup_future_usage": "off_session", **BACK})
        self.assertEqual(len(self.stripe.customers.payment_methods.list(customer).data), 1)
        other = self.customer(paying=None)
        self.stripe.payment_intents.create(
            {"amount": 100, "currency": "usd", "customer": other, "payment_method": "pm_card_visa", "confirm": True, **BACK})
        self.assertEqual(self.stripe.customers.payment_methods.list(other).data, [])
