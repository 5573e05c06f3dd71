"""Refunds of charges, whole and in parts; holds that are captured later."""

import stripe

from support import Story

BACK = {"return_url": "https://example.com"}


class Refunds(Story):
    def paid(self, amount=2000, token="pm_card_visa", **params):
        return self.stripe.payment_intents.create(
            {"amount": amount, "currency": "usd", "payment_method": token, "confirm": True, **BACK, **params})

    def test_whole(self):
        intent = self.paid()
        since = self.mark()
        refund = self.stripe.refunds.create(
            {"payment_intent": intent.id, "reason": "requested_by_customer", "metadata": {"k": "v"}})
        self.assertFields(
            refund, object="refund", amount=2000, currency="usd", status="succeeded", charge=intent.latest_charge,
            payment_intent=intent.id, reason="requested_by_customer", metadata__k="v")
        charge = self.stripe.charges.retrieve(intent.latest_charge)
        self.assertFields(charge, refunded=True, amount_refunded=2000, status="succeeded")
        types = self.types(since, refund.id)
        self.assertEqual(types[0], "refund.created")
        self.assertIn("charge.refunded", self.types(since, charge.id))
        with self.refused(code="charge_already_refunded"):
            self.stripe.refunds.create({"charge": charge.id})

    def test_in_parts(self):
        intent = self.paid()
        first = self.stripe.refunds.create({"charge": intent.latest_charge, "amount": 700})
        self.assertFields(self.stripe.charges.retrieve(intent.latest_charge), refunded=False, amount_refunded=700)
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.refunds.create({"charge": intent.latest_charge, "amount": 1400})
        self.assertIn("is greater than unrefunded amount on charge ($13.00)", str(refusal.exception))
        second = self.stripe.refunds.create({"charge": intent.latest_charge})
        self.assertEqual(second.amount, 1300)
        listed = self.stripe.refunds.list({"charge": intent.latest_charge})
        self.assertEqual([each.id for each in listed.data], [second.id, first.id])

    def test_retrieved_and_updated(self):
        refund = self.stripe.refunds.create({"payment_intent": self.paid().id})
        self.assertEqual(self.stripe.refunds.retrieve(refund.id).id, refund.id)
        self.assertEqual(self.stripe.refunds.update(refund.id, {"metadata": {"k": "v"}}).metadata["k"], "v")
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.refunds.cancel(refund.id)
        with self.refused(status=404, code="resource_missing", param="refund"):
            self.stripe.refunds.retrieve("re_none")

    def test_a_hold_is_captured(self):
        held = self.paid(capture_method="manual")
        self.assertFields(held, status="requires_capture", amount_capturable=2000, amount_received=0)
        self.assertFields(self.stripe.charges.retrieve(held.latest_charge), captured=False, paid=True, status="succeeded")
        since = self.mark()
        done = self.stripe.payment_intents.capture(held.id, {"amount_to_capture": 1500})
        self.assertFields(done, status="succeeded", amount_received=1500, amount_capturable=0)
        self.assertIn("charge.captured", self.types(since, held.latest_charge))

    def test_a_hold_is_released(self):
        held = self.paid(capture_method="manual")
        self.assertFields(self.stripe.payment_intents.cancel(held.id), status="canceled", amount_capturable=0)
        with self.refused(code="payment_intent_unexpected_state"):
            self.stripe.payment_intents.capture(held.id)

    def test_the_ledger(self):
        intent = self.paid()
        charge = self.stripe.charges.retrieve(intent.latest_charge, {"expand": ["balance_transaction"]})
        self.assertFields(
            charge.balance_transaction, object="balance_transaction", amount=2000, currency="usd", type="charge",
            source=charge.id)
        balance = self.stripe.balance.retrieve()
        self.assertFields(balance, object="balance", livemode=False)
        self.assertTrue({each.currency for each in balance.pending} | {each.currency for each in balance.available})
