"""Idempotency keys: the same call again is the same answer, another call with the same key is refused."""

import threading
import time

import stripe

import support
from support import Story, unique


class Idempotency(Story):
    def create(self, key, **params):
        return self.stripe.customers.create(params, {"idempotency_key": key})

    def test_the_same_call_again_is_answered_as_before(self):
        key = unique("key")
        first = self.create(key, name="Once")
        self.addCleanup(self.forget, first.id)
        again = self.create(key, name="Once")
        self.assertEqual(again.id, first.id)
        self.assertEqual(again.last_response.headers["Idempotent-Replayed"], "true")
        self.assertEqual(again.last_response.headers["Original-Request"], first.last_response.request_id)
        self.assertEqual(again.last_response.headers["Idempotency-Key"], key)
        self.assertNotIn("Idempotent-Replayed", first.last_response.headers)
        self.assertNotEqual(again.last_response.request_id, first.last_response.request_id)
        listed = self.stripe.customers.list({"limit": 3}).data
        self.assertEqual([customer.id for customer in listed].count(first.id), 1)

    def test_the_event_tells_of_the_key(self):
        key = unique("key")
        since = self.mark()
        customer = self.create(key)
        self.addCleanup(self.forget, customer.id)
        event, = self.events(since, customer.id)
        self.assertFields(event.request, id=customer.last_response.request_id, idempotency_key=key)

    def test_another_call_with_the_same_key_is_refused(self):
        key = unique("key")
        self.addCleanup(self.forget, self.create(key, name="Once").id)
        with self.refused(stripe.IdempotencyError, 400) as refusal:
            self.create(key, name="Twice")
        self.assertEqual(refusal.caught.error.type, "idempotency_error")
        self.assertIn("can only be used with the same parameters they were first used with", refusal.message)
        self.assertIn(key, refusal.message)
        with self.refused(stripe.IdempotencyError, 400):
            self.stripe.products.create({"name": "Once"}, {"idempotency_key": key})

    def test_a_decline_is_kept_too(self):
        key = unique("key")
        buyer = self.customer(paying="pm_card_chargeCustomerFail")
        method = self.stripe.customers.retrieve(buyer).invoice_settings.default_payment_method
        params = {"amount": 900, "currency": "usd", "customer": buyer, "payment_method": method, "confirm": True,
                  "return_url": "https://example.com"}
        declined = []
        for _ in range(2):
            with self.refused(stripe.CardError, 402, "card_declined") as refusal:
                self.stripe.payment_intents.create(params, {"idempotency_key": key})
            declined.append(refusal.caught.error.payment_intent.id)
        self.assertEqual(declined[0], declined[1])
        self.assertEqual(len(self.stripe.payment_intents.list({"customer": buyer}).data), 1)

    def test_what_was_never_begun_is_not_kept(self):
        key = unique("key")
        with self.refused(code="parameter_unknown", param="nickname"):
            self.create(key, nickname="Wrong")
        customer = self.create(key, name="Right")
        self.addCleanup(self.forget, customer.id)
        self.assertNotIn("Idempotent-Replayed", customer.last_response.headers)

    def test_reading_does_not_look_at_keys(self):
        key = unique("key")
        self.addCleanup(self.forget, self.create(key).id)
        self.assertEqual(self.stripe.customers.list({"limit": 1}, {"idempotency_key": key}).object, "list")

    def test_a_key_has_a_length(self):
        with self.assertRaises(stripe.StripeError) as refusal:
            self.create("k" * 256)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_the_same_call_at_the_same_time(self):
        """Somebody else's call with the key is under way: its answer takes three seconds."""
        key = unique("key")
        support.sandbox("POST", "/sandbox/faults", method="POST", path="/v1/customers", delay_ms=3000)
        answers = []
        slow = threading.Thread(target=lambda: answers.append(self.create(key, name="Slow")))
        slow.start()
        try:
            while support.sandbox("GET", "/sandbox/faults")["data"]:
                time.sleep(0.02)
            with self.refused(stripe.APIError, 409, "idempotency_key_in_use") as refusal:
                self.create(key, name="Slow")
            self.assertIn("There is currently another in-progress request using this Idempotent Key", refusal.message)
        finally:
            slow.join()
        self.addCleanup(self.forget, answers[0].id)
        self.assertEqual(self.create(key, name="Slow").id, answers[0].id)

    def test_the_sdk_repeats_a_call_whose_answer_was_lost(self):
        support.sandbox("POST", "/sandbox/faults", method="POST", path="/v1/customers", hang_up="true", after_effect="true")
        name = unique("Lost")
        customer = support.client(max_network_retries=2).v1.customers.create({"name": name})
        self.addCleanup(self.forget, customer.id)
        self.assertEqual(customer.last_response.headers["Idempotent-Replayed"], "true")
        recent = self.stripe.customers.list({"limit": 5}).data
        self.assertEqual([other.name for other in recent].count(name), 1)

    def test_the_sdk_repeats_what_it_is_told_to(self):
        support.sandbox(
            "POST", "/sandbox/faults", method="POST", path="/v1/customers", status=429, code="lock_timeout",
            should_retry="true", times=1)
        customer = support.client(max_network_retries=1).v1.customers.create({})
        self.addCleanup(self.forget, customer.id)
        support.sandbox(
            "POST", "/sandbox/faults", method="POST", path="/v1/customers", status=500, should_retry="false", times=1)
        with self.refused(stripe.APIError, 500):
            support.client(max_network_retries=1).v1.customers.create({})
