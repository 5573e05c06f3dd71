"""Signing up as Stripe's guide tells it: the subscription waits, incomplete, until the browser pays its first invoice."""

from decimal import Decimal

import stripe

import support
from support import DAY, Story


class SignUp(Story):
    def begin(self, **params):
        """A subscription that waits for its payment, with what the browser is given."""
        self.buyer = self.customer(paying=None)
        self.since = self.mark()
        subscription = self.subscribe(
            self.buyer, self.price(2000), payment_behavior="default_incomplete", billing_mode={"type": "flexible"},
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice.confirmation_secret", "pending_setup_intent"], **params)
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        return subscription, secret.split("_secret_")[0], secret

    def confirm(self, intent, secret, method, **params):
        return self.browser.payment_intents.confirm(
            intent, {"client_secret": secret, "payment_method": method, **params})

    def test_the_subscription_waits_for_its_first_payment(self):
        subscription, intent, secret = self.begin()
        self.assertFields(
            subscription, status="incomplete", collection_method="charge_automatically", pending_setup_intent=None,
            latest_invoice__status="open", latest_invoice__amount_due=2000, latest_invoice__amount_remaining=2000,
            latest_invoice__billing_reason="subscription_create", latest_invoice__attempt_count=0,
            latest_invoice__parent__subscription_details__subscription=subscription.id, default_payment_method=None)
        self.assertEqual(subscription.latest_invoice.confirmation_secret.type, "payment_intent")
        self.assertEqual(
            self.types(self.since, self.buyer),
            ["customer.subscription.created", "invoice.created", "invoice.finalized", "payment_intent.created"])
        found = self.browser.payment_intents.retrieve(intent, {"client_secret": secret})
        self.assertEqual((found.status, found.amount), ("requires_payment_method", 2000))
        self.assertIsNone(getattr(found, "customer", None), "a browser does not see whose it is")

    def test_paying_in_the_browser_makes_it_active(self):
        subscription, intent, secret = self.begin()
        since = self.mark()
        paid = self.confirm(intent, secret, "pm_card_visa")
        self.assertEqual(paid.status, "succeeded")
        active = self.stripe.subscriptions.retrieve(
            subscription.id, {"expand": ["default_payment_method", "latest_invoice.payments"]})
        self.assertFields(
            active, status="active", default_payment_method__card__last4="4242", latest_invoice__status="paid",
            latest_invoice__amount_paid=2000, latest_invoice__amount_remaining=0, latest_invoice__attempt_count=1)
        payment = active.latest_invoice.payments.data[0]
        self.assertFields(payment, status="paid", amount_paid=2000, is_default=True, payment__payment_intent=intent)
        self.assertEqual(
            self.types(since, self.buyer),
            ["charge.succeeded", "payment_method.attached", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
             "invoice.payment_succeeded", "invoice_payment.paid", "customer.subscription.updated"])
        update = self.events(since, self.buyer)[-1]
        self.assertFields(update.data.previous_attributes, status="incomplete", default_payment_method=None)

    def test_the_same_with_an_intent_that_has_its_method_beforehand(self):
        _, intent, secret = self.begin()
        self.stripe.payment_intents.update(intent, {"payment_method": "pm_card_mastercard"})
        self.assertEqual(self.browser.payment_intents.confirm(intent, {"client_secret": secret}).status, "succeeded")

    def test_a_card_entered_in_the_browser(self):
        subscription, intent, secret = self.begin()
        card = {"number": "5555555555554444", "exp_month": 12, "exp_year": 2040, "cvc": "314"}
        method = self.browser.payment_methods.create({"type": "card", "card": card, "billing_details": {"name": "Jenny"}})
        self.assertEqual(self.confirm(intent, secret, method.id).status, "succeeded")
        found = self.stripe.payment_methods.retrieve(method.id)
        self.assertFields(
            found, customer=self.buyer, card__brand="mastercard", card__last4="4444", card__exp_year=2040,
            billing_details__name="Jenny")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).default_payment_method, method.id)

    def test_a_declined_card_leaves_it_incomplete_and_another_card_pays(self):
        subscription, intent, secret = self.begin()
        since = self.mark()
        with self.refused(stripe.CardError, 402, "card_declined") as refusal:
            self.confirm(intent, secret, "pm_card_chargeDeclinedInsufficientFunds")
        self.assertEqual(refusal.message, "Your card has insufficient funds.")
        error = refusal.caught.error
        self.assertFields(
            error, type="card_error", decline_code="insufficient_funds", payment_intent__id=intent,
            payment_intent__status="requires_payment_method", payment_method__card__last4="9995")
        self.assertEqual(
            self.types(since, self.buyer), ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"])
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "incomplete")
        failed = self.stripe.payment_intents.retrieve(intent, {"expand": ["latest_charge"]})
        self.assertFields(
            failed, status="requires_payment_method", payment_method=None,
            last_payment_error__decline_code="insufficient_funds", latest_charge__status="failed",
            latest_charge__failure_code="card_declined", latest_charge__paid=False)
        self.assertEqual(self.confirm(intent, secret, "pm_card_visa").status, "succeeded")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_nobody_pays_for_23_hours(self):
        subscription, intent, _ = self.begin()
        since = self.mark()
        self.advance(23 * support.HOUR + 60)
        expired = self.stripe.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        self.assertFields(expired, status="incomplete_expired", latest_invoice__status="void")
        self.assertFields(
            self.stripe.payment_intents.retrieve(intent), status="canceled", cancellation_reason="void_invoice")
        self.assertEqual(
            self.types(since, self.buyer),
            ["payment_intent.canceled", "invoice.voided", "customer.subscription.updated"])

    def test_a_known_customer_pays_at_once(self):
        buyer = self.customer()
        since = self.mark()
        subscription = self.subscribe(buyer, self.price(1500), expand=["latest_invoice"])
        self.assertFields(
            subscription, status="active", latest_invoice__status="paid", latest_invoice__amount_paid=1500,
            latest_invoice__attempt_count=1, latest_invoice__attempted=True)
        line = subscription.latest_invoice.lines.data[0]
        item = subscription["items"].data[0]
        self.assertFields(
            line, amount=1500, description="1 × Widget (at $15.00 / month)", quantity=1,
            parent__type="subscription_item_details", period__start=item.current_period_start,
            period__end=item.current_period_end, pricing__unit_amount_decimal=Decimal(1500))
        self.assertTrue(28 * DAY <= item.current_period_end - item.current_period_start <= 31 * DAY)
        self.assertEqual(
            sorted(self.types(since, buyer)),
            sorted(["customer.subscription.created", "customer.subscription.updated", "invoice.created", "invoice.finalized",
                    "payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "invoice.updated",
                    "invoice.paid", "invoice.payment_succeeded", "invoice_payment.paid"]))

    def test_a_publishable_key_may_do_nothing_else(self):
        _, intent, _ = self.begin()
        with self.refused(stripe.AuthenticationError, 401, "secret_key_required"):
            self.browser.customers.list()
        with self.assertRaises(stripe.InvalidRequestError):
            self.browser.payment_intents.retrieve(intent, {"client_secret": f"{intent}_secret_guessed"})
