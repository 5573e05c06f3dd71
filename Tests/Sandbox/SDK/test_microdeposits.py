"""Bank accounts that are proved by small deposits, and payments that grow or come out of the customer's cash."""

import stripe

from support import Story

ONLINE = {"customer_acceptance": {"type": "online", "online": {"ip_address": "127.0.0.1", "user_agent": "suite"}}}
BY_DEPOSITS = {"us_bank_account": {"verification_method": "microdeposits"}}


class Microdeposits(Story):
    def account(self):
        return self.stripe.payment_methods.create(
            {"type": "us_bank_account", "billing_details": {"name": "Jenny", "email": "jenny@example.com"},
             "us_bank_account": {"account_holder_type": "individual", "account_type": "checking",
                                 "routing_number": "110000000", "account_number": "000123456789"}}).id

    def setup(self):
        setup = self.stripe.setup_intents.create(
            {"customer": self.customer(paying=None), "allowed_payment_method_types": ["us_bank_account"],
             "payment_method": self.account(), "payment_method_options": BY_DEPOSITS, "mandate_data": ONLINE,
             "confirm": True})
        self.assertFields(setup, status="requires_action", next_action__type="verify_with_microdeposits")
        return setup

    def test_an_account_is_proved_by_its_amounts(self):
        done = self.stripe.setup_intents.verify_microdeposits(self.setup().id, {"amounts": [32, 45]})
        self.assertEqual(done.status, "succeeded")

    def test_and_by_its_word(self):
        done = self.stripe.setup_intents.verify_microdeposits(self.setup().id, {"descriptor_code": "SM11AA"})
        self.assertEqual(done.status, "succeeded")

    def test_wrong_amounts(self):
        with self.assertRaises(stripe.StripeError) as refusal:
            self.stripe.setup_intents.verify_microdeposits(self.setup().id, {"amounts": [10, 11]})
        self.assertIn(refusal.exception.http_status, (400, 402))

    def test_a_payment_waits_for_the_proof(self):
        intent = self.stripe.payment_intents.create(
            {"amount": 5000, "currency": "usd", "allowed_payment_method_types": ["us_bank_account"],
             "payment_method": self.account(), "payment_method_options": BY_DEPOSITS, "mandate_data": ONLINE,
             "confirm": True})
        self.assertFields(intent, status="requires_action", next_action__type="verify_with_microdeposits")
        proved = self.stripe.payment_intents.verify_microdeposits(intent.id, {"amounts": [32, 45]})
        self.assertEqual(proved.status, "processing")
        self.advance(240)
        self.assertEqual(self.stripe.payment_intents.retrieve(intent.id).status, "succeeded")


class Growing(Story):
    def test_a_hold_that_grows_where_its_charge_may(self):
        held = self.stripe.payment_intents.create(
            {"amount": 1000, "currency": "usd", "payment_method": "pm_card_visa", "capture_method": "manual",
             "confirm": True, "return_url": "https://example.com", "expand": ["latest_charge"],
             "payment_method_options": {"card": {"request_incremental_authorization": "if_available"}}})
        card = held.latest_charge.payment_method_details.card
        if card.incremental_authorization.status == "available":
            held = self.stripe.payment_intents.increment_authorization(held.id, {"amount": 1500})
            self.assertFields(held, status="requires_capture", amount=1500, amount_capturable=1500)
        else:
            with self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.payment_intents.increment_authorization(held.id, {"amount": 1500})
            self.assertEqual(refusal.exception.http_status, 400)
        done = self.stripe.payment_intents.capture(held.id)
        self.assertFields(done, status="succeeded", amount_received=held.amount)

    def test_cash_that_is_not_there(self):
        intent = self.stripe.payment_intents.create(
            {"amount": 1000, "currency": "usd", "customer": self.customer(paying=None)})
        try:
            self.stripe.payment_intents.apply_customer_balance(intent.id, {})
        except stripe.InvalidRequestError as refusal:
            self.assertEqual(refusal.http_status, 400)
        found = self.stripe.payment_intents.retrieve(intent.id)
        self.assertFields(found, status="requires_payment_method", amount_received=0)
