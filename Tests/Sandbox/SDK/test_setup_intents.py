"""Setup intents: cards kept for later, with and without a browser."""

import stripe

from support import Story


class SetupIntents(Story):
    def test_created_confirmed_and_the_card_is_the_customers(self):
        customer = self.customer(paying=None)
        since = self.mark()
        setup = self.stripe.setup_intents.create(
            {"customer": customer, "description": "For later", "metadata": {"k": "v"}, "usage": "off_session"})
        self.assertFields(
            setup, status="requires_payment_method", customer=customer, usage="off_session", payment_method=None,
            description="For later", last_setup_error=None, next_action=None, latest_attempt=None, mandate=None)
        self.assertTrue(setup.client_secret.startswith(f"{setup.id}_secret_"))
        done = self.stripe.setup_intents.confirm(
            setup.id, {"payment_method": "pm_card_visa", "return_url": "https://example.com"})
        self.assertEqual(done.status, "succeeded")
        method, = self.stripe.customers.payment_methods.list(customer).data
        self.assertEqual(done.payment_method, method.id)
        self.assertIsNone(self.stripe.customers.retrieve(customer).invoice_settings.default_payment_method)
        types = self.types(since, customer)
        self.assertEqual(types[0], "setup_intent.created")
        self.assertEqual(set(types[1:]), {"payment_method.attached", "setup_intent.succeeded"})
        full = self.stripe.setup_intents.retrieve(setup.id, {"expand": ["latest_attempt", "payment_method"]})
        self.assertFields(full, latest_attempt__status="succeeded", payment_method__id=method.id)

    def test_created_and_confirmed_in_one_call(self):
        customer = self.customer(paying=None)
        done = self.stripe.setup_intents.create(
            {"customer": customer, "payment_method": "pm_card_visa", "confirm": True, "return_url": "https://example.com"})
        self.assertEqual(done.status, "succeeded")

    def test_with_a_method_it_waits_to_be_confirmed(self):
        customer = self.customer(paying=None)
        setup = self.stripe.setup_intents.create({"customer": customer, "payment_method": "pm_card_visa"})
        self.assertEqual(setup.status, "requires_confirmation")
        self.assertEqual(self.stripe.setup_intents.confirm(setup.id).status, "succeeded")

    def test_updated_and_listed(self):
        customer = self.customer(paying=None)
        setup = self.stripe.setup_intents.create({})
        updated = self.stripe.setup_intents.update(
            setup.id, {"customer": customer, "metadata": {"k": "v"}, "description": "Now whose"})
        self.assertFields(updated, customer=customer, metadata__k="v", description="Now whose")
        other = self.stripe.setup_intents.create({"customer": customer})
        listed = self.stripe.setup_intents.list({"customer": customer})
        self.assertEqual([each.id for each in listed.data], [other.id, setup.id])

    def test_canceled(self):
        setup = self.stripe.setup_intents.create({})
        since = self.mark()
        canceled = self.stripe.setup_intents.cancel(setup.id, {"cancellation_reason": "abandoned"})
        self.assertFields(canceled, status="canceled", cancellation_reason="abandoned")
        self.assertEqual(self.types(since, setup.id), ["setup_intent.canceled"])
        with self.refused(code="setup_intent_unexpected_state") as refusal:
            self.stripe.setup_intents.confirm(setup.id, {"payment_method": "pm_card_visa"})
        self.assertEqual(refusal.caught.error.setup_intent.id, setup.id)
        with self.refused(code="setup_intent_unexpected_state"):
            self.stripe.setup_intents.cancel(setup.id)

    def test_declined(self):
        customer = self.customer(paying=None)
        setup = self.stripe.setup_intents.create({"customer": customer})
        since = self.mark()
        with self.refused(stripe.CardError, 402, "card_declined") as refusal:
            self.stripe.setup_intents.confirm(
                setup.id, {"payment_method": "pm_card_visa_chargeDeclined", "return_url": "https://example.com"})
        self.assertEqual(refusal.caught.error.setup_intent.status, "requires_payment_method")
        failed = self.stripe.setup_intents.retrieve(setup.id)
        self.assertFields(
            failed, status="requires_payment_method", payment_method=None, last_setup_error__code="card_declined",
            last_setup_error__decline_code="generic_decline")
        self.assertEqual(self.types(since, customer), ["setup_intent.setup_failed"])
        self.assertEqual(self.stripe.customers.payment_methods.list(customer).data, [])

    def test_without_a_method_there_is_nothing_to_confirm(self):
        setup = self.stripe.setup_intents.create({"customer": self.customer()})
        with self.refused(code="setup_intent_unexpected_state") as refusal:
            self.stripe.setup_intents.confirm(setup.id)
        self.assertIn("because it's missing a payment method", refusal.message)

    def test_a_method_of_somebody_else(self):
        other = self.stripe.payment_methods.attach("pm_card_visa", {"customer": self.customer(paying=None)})
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.setup_intents.create({"customer": self.customer(paying=None), "payment_method": other.id})
        self.assertEqual(refusal.exception.param, "payment_method")

    def test_a_browser_reads_and_confirms_by_the_secret(self):
        setup = self.stripe.setup_intents.create({"customer": self.customer(paying=None)})
        found = self.browser.setup_intents.retrieve(setup.id, {"client_secret": setup.client_secret})
        self.assertEqual(found.status, "requires_payment_method")
        with self.assertRaises(stripe.StripeError):
            self.browser.setup_intents.retrieve(setup.id, {"client_secret": f"{setup.id}_secret_guessed"})
        done = self.browser.setup_intents.confirm(
            setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_visa"})
        self.assertEqual(done.status, "succeeded")
