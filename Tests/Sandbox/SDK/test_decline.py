"""Cards that banks refuse: when they are attached, when they are charged, and how each refusal is told."""

import stripe

from support import Story

# Token, code, decline code.
DECLINES = [
    ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
    ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
    ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
    ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc"),
    ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
]


class Declines(Story):
    def test_a_refusal_when_the_card_is_attached(self):
        buyer = self.customer(paying=None)
        for token, code, decline in DECLINES:
            with self.subTest(token):
                since = self.mark()
                with self.assertRaises(stripe.CardError) as refusal:
                    self.stripe.payment_methods.attach(token, {"customer": buyer})
                error = refusal.exception
                self.assertEqual((error.http_status, error.code), (402, code))
                self.assertEqual(error.error.decline_code, decline)
                self.assertEqual(self.types(since, buyer), [])

    def test_a_refusal_when_the_card_is_charged(self):
        for token, code, decline in DECLINES:
            with self.subTest(token):
                intent = self.stripe.payment_intents.create({"amount": 2000, "currency": "usd"})
                with self.assertRaises(stripe.CardError) as refusal:
                    self.stripe.payment_intents.confirm(
                        intent.id, {"payment_method": token, "return_url": "https://example.com"})
                error = refusal.exception.error
                self.assertEqual((error.code, error.decline_code), (code, decline))
                charge = self.stripe.charges.retrieve(error.charge)
                self.assertFields(
                    charge, status="failed", paid=False, amount=2000, failure_code=code, payment_intent=intent.id,
                    failure_message=error.message, refunded=False)
                failed = self.stripe.payment_intents.retrieve(intent.id)
                self.assertFields(
                    failed, status="requires_payment_method", latest_charge=charge.id, last_payment_error__code=code,
                    amount_received=0)

    def test_a_card_that_attaches_and_fails_when_charged(self):
        buyer = self.customer(paying="pm_card_chargeCustomerFail")
        subscription = self.subscribe(buyer, self.price(1000), expand=["latest_invoice.payments"])
        self.assertFields(
            subscription, status="incomplete", latest_invoice__status="open", latest_invoice__attempt_count=1,
            latest_invoice__amount_remaining=1000)
        self.assertEqual(subscription.latest_invoice.payments.data[0].status, "open")

    def test_who_wants_no_incomplete_subscription_is_refused_and_nothing_is_kept(self):
        buyer = self.customer(paying="pm_card_chargeCustomerFail")
        since = self.mark()
        with self.refused(stripe.CardError, 402, "card_declined"):
            self.subscribe(buyer, self.price(1000), payment_behavior="error_if_incomplete")
        self.assertEqual(self.stripe.subscriptions.list({"customer": buyer, "status": "all"}).data, [])
        self.assertEqual(self.stripe.invoices.list({"customer": buyer}).data, [])
        self.assertEqual(self.types(since, buyer), [])

    def test_paying_the_first_invoice_with_a_better_card(self):
        buyer = self.customer(paying="pm_card_chargeCustomerFail")
        subscription = self.subscribe(buyer, self.price(1000))
        with self.refused(stripe.CardError, 402, "card_declined"):
            self.stripe.invoices.pay(subscription.latest_invoice)
        self.assertEqual(self.invoice_of(subscription).attempt_count, 1, "a payment by hand is not counted")
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": buyer})
        paid = self.stripe.invoices.pay(subscription.latest_invoice, {"payment_method": method.id})
        self.assertFields(paid, status="paid", amount_paid=1000, amount_remaining=0)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")

    def test_without_a_card_a_subscription_that_costs_money_is_refused(self):
        buyer = self.customer(paying=None)
        with self.refused(code="resource_missing") as refusal:
            self.subscribe(buyer, self.price(1000))
        self.assertIn("no attached payment source or default payment method", refusal.message)

    def test_what_is_wrong_with_a_card_is_said_when_it_is_entered(self):
        good = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040, "cvc": "123"}
        for change, code in [
            ({"number": "4242424242424241"}, "incorrect_number"), ({"exp_month": 13}, "invalid_expiry_month"),
            ({"exp_year": 1990}, "invalid_expiry_year"), ({"cvc": "12"}, "invalid_cvc"),
        ]:
            with self.subTest(code):
                with self.assertRaises(stripe.CardError) as refusal:
                    self.stripe.payment_methods.create({"type": "card", "card": {**good, **change}})
                self.assertEqual((refusal.exception.http_status, refusal.exception.code), (402, code))
