"""Payments that were made by themselves and pay an invoice afterwards."""

from support import Story


class AttachedPayments(Story):
    def test_they_pay_a_part_and_then_the_rest(self):
        buyer = self.customer()
        subscription = self.subscribe(
            buyer, self.price(1800), payment_behavior="default_incomplete", expand=["latest_invoice"])
        invoice = subscription.latest_invoice
        method = self.stripe.customers.retrieve(buyer).invoice_settings.default_payment_method
        for amount, left, status in [(800, 1000, "open"), (1000, 0, "paid")]:
            intent = self.stripe.payment_intents.create(
                {"amount": amount, "currency": "usd", "customer": buyer, "payment_method": method, "confirm": True,
                 "off_session": True})
            invoice = self.stripe.invoices.attach_payment(invoice.id, {"payment_intent": intent.id})
            self.assertFields(invoice, status=status, amount_remaining=left, amount_paid=1800 - left)
        payments = self.stripe.invoice_payments.list({"invoice": invoice.id}).data
        self.assertEqual(
            [(payment.amount_paid, payment.is_default, payment.status) for payment in payments],
            [(1000, False, "paid"), (800, False, "paid"), (None, True, "canceled")])
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
