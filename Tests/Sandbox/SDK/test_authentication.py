"""3D Secure: the bank asks the customer, in the first payment, in setting up a card, and when nobody is there to answer."""

import stripe

from support import Story

BACK = "https://example.com/back?order=7"


class Authentication(Story):
    def begin(self):
        buyer = self.customer(paying=None)
        subscription = self.subscribe(
            buyer, self.price(2000), payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice.confirmation_secret"])
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        return buyer, subscription.id, secret.split("_secret_")[0], secret

    def confirm(self, intent, secret, token="pm_card_authenticationRequiredOnSetup", **params):
        params = {"client_secret": secret, "payment_method": token, "return_url": BACK, **params}
        return self.browser.payment_intents.confirm(intent, params)

    def test_the_bank_asks_and_the_customer_says_yes(self):
        buyer, subscription, intent, secret = self.begin()
        since = self.mark()
        asked = self.confirm(intent, secret)
        self.assertFields(
            asked, status="requires_action", next_action__type="redirect_to_url",
            next_action__redirect_to_url__return_url=BACK)
        self.assertRegex(asked.next_action.redirect_to_url.url, "^http")
        waiting = self.stripe.payment_intents.retrieve(intent)
        self.assertFields(waiting, latest_charge=None, last_payment_error=None, amount_received=0)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "incomplete")
        self.assertEqual(
            self.types(since, buyer), ["payment_intent.requires_action", "invoice.payment_action_required"])
        self.authenticate(intent)
        self.assertFields(self.stripe.payment_intents.retrieve(intent), status="succeeded", next_action=None)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "active")

    def test_the_bank_asks_and_the_customer_says_no(self):
        buyer, subscription, intent, secret = self.begin()
        self.confirm(intent, secret)
        since = self.mark()
        self.authenticate(intent, "fail")
        self.assertFields(
            self.stripe.payment_intents.retrieve(intent), status="requires_payment_method", payment_method=None,
            last_payment_error__code="payment_intent_authentication_failure", next_action=None)
        self.assertEqual(self.types(since, buyer), ["payment_intent.payment_failed", "invoice.payment_failed"])
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "incomplete")
        self.confirm(intent, secret, "pm_card_visa")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription).status, "active")

    def test_the_js_library_opens_the_question_itself(self):
        _, _, intent, secret = self.begin()
        asked = self.browser.payment_intents.confirm(
            intent, {"client_secret": secret, "payment_method": "pm_card_authenticationRequired", "use_stripe_sdk": True})
        self.assertFields(asked, status="requires_action", next_action__type="use_stripe_sdk")

    def test_a_first_payment_by_the_default_card_may_be_asked_for_too(self):
        buyer = self.customer(paying="pm_card_authenticationRequired")
        subscription = self.subscribe(buyer, self.price(1000), expand=["latest_invoice"])
        self.assertFields(subscription, status="incomplete", latest_invoice__status="open", latest_invoice__attempted=True)
        intent = self.intent_of(subscription.latest_invoice)
        self.assertEqual(intent.status, "requires_action")
        self.authenticate(intent.id)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_who_will_not_wait_for_the_customer_is_refused(self):
        buyer = self.customer(paying="pm_card_authenticationRequired")
        with self.refused(stripe.CardError, 402, "subscription_payment_intent_requires_action"):
            self.subscribe(buyer, self.price(1000), payment_behavior="error_if_incomplete")
        self.assertEqual(self.stripe.subscriptions.list({"customer": buyer, "status": "all"}).data, [])

    def test_a_payment_without_the_customer_is_declined(self):
        buyer = self.customer(paying=None)
        method = self.stripe.payment_methods.attach("pm_card_authenticationRequired", {"customer": buyer})
        with self.refused(stripe.CardError, 402, "authentication_required") as refusal:
            self.stripe.payment_intents.create(
                {"amount": 1000, "currency": "usd", "customer": buyer, "payment_method": method.id, "off_session": True,
                 "confirm": True})
        self.assertEqual(refusal.caught.error.decline_code, "authentication_required")
        self.assertEqual(refusal.caught.error.payment_intent.status, "requires_payment_method")

    def test_setting_up_a_card_asks_once_and_then_pays_alone(self):
        buyer = self.customer(paying=None)
        setup = self.stripe.setup_intents.create({"customer": buyer, "usage": "off_session"})
        asked = self.browser.setup_intents.confirm(
            setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_authenticationRequiredOnSetup",
                       "return_url": BACK})
        self.assertFields(asked, status="requires_action", next_action__type="redirect_to_url")
        self.authenticate(setup.id)
        done = self.stripe.setup_intents.retrieve(setup.id)
        self.assertEqual(done.status, "succeeded")
        paid = self.stripe.payment_intents.create(
            {"amount": 1000, "currency": "usd", "customer": buyer, "payment_method": done.payment_method,
             "off_session": True, "confirm": True})
        self.assertEqual(paid.status, "succeeded")

    def test_setting_up_a_card_that_fails_at_the_bank(self):
        buyer = self.customer(paying=None)
        setup = self.stripe.setup_intents.create({"customer": buyer})
        self.browser.setup_intents.confirm(
            setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_authenticationRequired",
                       "return_url": BACK})
        self.authenticate(setup.id, "fail")
        failed = self.stripe.setup_intents.retrieve(setup.id)
        self.assertFields(
            failed, status="requires_payment_method", last_setup_error__code="setup_intent_authentication_failure")
        self.assertEqual(self.stripe.customers.payment_methods.list(buyer).data, [])

    def test_a_renewal_that_needs_the_customer_is_past_due_until_he_comes(self):
        buyer = self.customer(paying=None)
        method = self.stripe.payment_methods.attach("pm_card_authenticationRequired", {"customer": buyer})
        subscription = self.subscribe(buyer, self.price(1000), default_payment_method=method.id)
        self.authenticate(self.intent_of(subscription.latest_invoice).id)
        active = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertEqual(active.status, "active")
        since = self.mark()
        self.advance(to=active["items"].data[0].current_period_end + 3700)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "past_due")
        self.assertIn("invoice.payment_action_required", self.types(since, buyer))
        invoice = self.invoice_of(subscription, expand=["confirmation_secret"])
        self.assertFields(invoice, status="open", billing_reason="subscription_cycle")
        secret = invoice.confirmation_secret.client_secret
        intent = secret.split("_secret_")[0]
        self.confirm(intent, secret, method.id)
        self.authenticate(intent)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
