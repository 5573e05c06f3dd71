"""What a customer does on the sandbox's pages: the bank's question, a Checkout, the portal."""

import support
from browser import Page, query
from support import DAY, HOUR, Story

CARD = {"email": "jenny@example.com", "name": "Jenny", "expiry": "12 / 34", "cvc": "123"}


class Bank(Story):
    def asked(self, **params):
        """A payment for which the bank asks, and the page where it does."""
        intent = self.stripe.payment_intents.create(
            {"amount": 2000, "currency": "usd", "payment_method": "pm_card_threeDSecure2Required", "confirm": True,
             "return_url": "https://shop.example/back?order=7", **params})
        self.assertEqual(intent.status, "requires_action")
        return intent, Page(intent.next_action.redirect_to_url.url)

    def test_yes_and_the_browser_comes_back(self):
        intent, page = self.asked()
        self.assertEqual(page.status, 200)
        back = page.press("Complete")
        self.assertTrue(back.startswith("https://shop.example/back?"), back)
        self.assertEqual(
            query(back), {"order": "7", "payment_intent": intent.id, "payment_intent_client_secret": intent.client_secret,
                          "redirect_status": "succeeded"})
        self.assertEqual(self.stripe.payment_intents.retrieve(intent.id).status, "succeeded")

    def test_no_and_the_browser_comes_back(self):
        intent, page = self.asked()
        back = page.press("Fail")
        self.assertEqual(query(back)["redirect_status"], "failed")
        self.assertFields(
            self.stripe.payment_intents.retrieve(intent.id), status="requires_payment_method",
            last_payment_error__code="payment_intent_authentication_failure")

    def test_a_card_that_is_set_up(self):
        setup = self.stripe.setup_intents.create({"customer": self.customer(paying=None)})
        asked = self.browser.setup_intents.confirm(
            setup.id, {"client_secret": setup.client_secret, "payment_method": "pm_card_authenticationRequired",
                       "return_url": "https://shop.example/"})
        back = Page(asked.next_action.redirect_to_url.url).press("Complete")
        self.assertEqual(
            query(back), {"setup_intent": setup.id, "setup_intent_client_secret": setup.client_secret,
                          "redirect_status": "succeeded"})
        self.assertEqual(self.stripe.setup_intents.retrieve(setup.id).status, "succeeded")


class CheckoutPage(Story):
    def session(self, **params):
        return self.stripe.checkout.sessions.create(
            {"mode": "subscription", "line_items": [{"price": self.price(1500), "quantity": 2}],
             "success_url": "https://shop.example/ok?session={CHECKOUT_SESSION_ID}", **params})

    def retrieve(self, session):
        done = self.stripe.checkout.sessions.retrieve(
            session.id, {"expand": ["subscription.default_payment_method", "invoice", "customer"]})
        if done.customer:
            self.addCleanup(self.forget, done.customer.id)
        return done

    def test_paid_by_card(self):
        session = self.session(subscription_data={"metadata": {"k": "v"}})
        since = self.mark()
        page = Page(session.url)
        self.assertIn("2 × Widget", page.text)
        self.assertIn("$30.00", page.text)
        self.assertEqual(page.press(number="4242424242424242", **CARD), f"https://shop.example/ok?session={session.id}")
        done = self.retrieve(session)
        self.assertFields(
            done, status="complete", payment_status="paid", subscription__status="active", invoice__status="paid",
            invoice__amount_paid=3000, customer__email="jenny@example.com", subscription__metadata__k="v", url=None,
            subscription__default_payment_method__card__last4="4242", customer_details__email="jenny@example.com")
        types = self.types(since, done.customer.id)
        self.assertEqual(types[-1], "checkout.session.completed")
        self.assertTrue({"customer.created", "customer.subscription.created", "invoice.paid"} <= set(types), types)

    def test_declined_and_then_paid(self):
        session = self.session()
        again = Page(session.url).press(number="4000000000009995", **CARD)
        self.assertIn("insufficient funds", again.text)
        self.assertEqual(self.retrieve(session).status, "open")
        again.press(number="4242424242424242", **CARD)
        self.assertEqual(self.retrieve(session).status, "complete")

    def test_the_bank_asks(self):
        session = self.session()
        question = Page(session.url).press(number="4000002760003184", **CARD)
        self.assertTrue(question.press("Complete").startswith("https://shop.example/ok"))
        self.assertFields(self.retrieve(session), status="complete", payment_status="paid")

    def test_a_trial_without_a_card(self):
        session = self.session(
            subscription_data={"trial_period_days": 7}, payment_method_collection="if_required")
        Page(session.url).press(email="jenny@example.com")
        self.assertFields(
            self.retrieve(session), status="complete", payment_status="no_payment_required",
            subscription__status="trialing")

    def test_a_customer_who_is_known(self):
        buyer = self.customer(paying=None)
        session = self.session(customer=buyer)
        fields = {name: value for name, value in CARD.items()}
        Page(session.url).press(number="5555555555554444", **fields)
        done = self.retrieve(session)
        self.assertFields(done, status="complete", customer__id=buyer)
        item = done.subscription["items"].data[0]
        self.advance(to=item.current_period_end + HOUR + 60)
        self.assertFields(self.invoice_of(done.subscription.id), status="paid", billing_reason="subscription_cycle")


class PortalPage(Story):
    """The portal's buttons speak by script; what they say is said here."""

    def begin(self):
        self.buyer = self.customer()
        self.subscription = self.subscribe(self.buyer, self.price(1500)).id
        self.portal = self.stripe.billing_portal.sessions.create(
            {"customer": self.buyer, "return_url": "https://shop.example/account"})

    def press(self, action, **params):
        secret = self.portal.url.rstrip("/").rsplit("/", 1)[-1]
        return support.sandbox("POST", f"/sandbox/portal/{secret}", action=action, **params)

    def test_canceled_resumed_and_canceled(self):
        self.begin()
        end = self.stripe.subscriptions.retrieve(self.subscription)["items"].data[0].current_period_end
        self.press("cancel", subscription=self.subscription, feedback="too_expensive")
        canceled = self.stripe.subscriptions.retrieve(self.subscription)
        self.assertFields(canceled, status="active", cancel_at=end, cancellation_details__feedback="too_expensive")
        self.press("resume", subscription=self.subscription)
        self.assertIsNone(self.stripe.subscriptions.retrieve(self.subscription).cancel_at)
        self.press("cancel", subscription=self.subscription)
        self.advance(to=end + DAY)
        self.assertEqual(self.stripe.subscriptions.retrieve(self.subscription).status, "canceled")

    def test_another_card(self):
        self.begin()
        since = self.mark()
        self.press("method", payment_method="pm_card_amex")
        found = self.stripe.customers.retrieve(self.buyer, {"expand": ["invoice_settings.default_payment_method"]})
        self.assertEqual(found.invoice_settings.default_payment_method.card.brand, "amex")
        self.assertIn("payment_method.attached", self.types(since, self.buyer))

    def test_what_it_shows(self):
        self.begin()
        text = Page(self.portal.url).text
        self.assertIn("Widget", text)
        self.assertIn("4242", text)
