"""Credit notes: what is taken back of an invoice, before and after it was paid."""

import stripe

from support import Story


class CreditNotes(Story):
    def invoice(self, pays=True, amount=2000):
        buyer = self.customer()
        params = {} if pays else {"payment_behavior": "default_incomplete"}
        return self.subscribe(buyer, self.price(amount), expand=["latest_invoice"], **params).latest_invoice

    def test_before_it_was_paid(self):
        invoice = self.invoice(pays=False)
        since = self.mark()
        note = self.stripe.credit_notes.create(
            {"invoice": invoice.id, "amount": 500, "reason": "order_change", "memo": "Sorry", "metadata": {"k": "v"}})
        self.assertFields(
            note, object="credit_note", type="pre_payment", status="issued", amount=500, total=500, invoice=invoice.id,
            reason="order_change", memo="Sorry", metadata__k="v", customer=invoice.customer, voided_at=None)
        self.assertRegex(note.number, "-CN-")
        lines = self.stripe.credit_notes.line_items.list(note.id)
        self.assertEqual(sum(line.amount for line in lines.data), 500)
        reduced = self.stripe.invoices.retrieve(invoice.id)
        self.assertFields(
            reduced, total=2000, amount_remaining=1500, pre_payment_credit_notes_amount=500, status="open")
        self.assertIn("credit_note.created", self.types(since, invoice.id))
        self.assertEqual(self.stripe.invoices.pay(invoice.id).amount_paid, 1500)

    def test_after_it_was_paid_as_credit(self):
        invoice = self.invoice()
        note = self.stripe.credit_notes.create({"invoice": invoice.id, "amount": 800, "credit_amount": 800})
        self.assertEqual(note.type, "post_payment")
        self.assertIsNotNone(note.customer_balance_transaction)
        self.assertEqual(self.stripe.customers.retrieve(invoice.customer).balance, -800)
        self.assertEqual(self.stripe.invoices.retrieve(invoice.id).post_payment_credit_notes_amount, 800)
        move = self.stripe.customers.balance_transactions.list(invoice.customer).data[0]
        self.assertFields(move, type="credit_note", amount=-800, credit_note=note.id)

    def test_after_it_was_paid_as_a_refund(self):
        invoice = self.invoice()
        line = invoice.lines.data[0]
        note = self.stripe.credit_notes.create(
            {"invoice": invoice.id, "refund_amount": 2000,
             "lines": [{"type": "invoice_line_item", "invoice_line_item": line.id, "quantity": 1}]})
        self.assertEqual(len(note.refunds), 1)
        charge = self.stripe.charges.retrieve(self.intent_of(invoice).latest_charge)
        self.assertFields(charge, refunded=True, amount_refunded=2000)
        lines = self.stripe.credit_notes.line_items.list(note.id)
        self.assertEqual([(each.object, each.amount) for each in lines.data], [("credit_note_line_item", 2000)])

    def test_paid_back_elsewhere(self):
        invoice = self.invoice()
        note = self.stripe.credit_notes.create({"invoice": invoice.id, "amount": 300, "out_of_band_amount": 300})
        self.assertFields(note, out_of_band_amount=300, customer_balance_transaction=None)

    def test_previewed(self):
        invoice = self.invoice()
        preview = self.stripe.credit_notes.preview({"invoice": invoice.id, "amount": 300, "credit_amount": 300})
        self.assertFields(preview, object="credit_note", amount=300)
        lines = self.stripe.credit_notes.preview_lines.list(
            {"invoice": invoice.id, "amount": 300, "credit_amount": 300})
        self.assertEqual(sum(line.amount for line in lines.data), 300)
        self.assertEqual(self.stripe.credit_notes.list({"invoice": invoice.id}).data, [])

    def test_retrieved_updated_listed_and_voided(self):
        invoice = self.invoice(pays=False)
        note = self.stripe.credit_notes.create({"invoice": invoice.id, "amount": 500})
        self.assertEqual(self.stripe.credit_notes.retrieve(note.id).id, note.id)
        updated = self.stripe.credit_notes.update(note.id, {"memo": "Again", "metadata": {"k": "v"}})
        self.assertFields(updated, memo="Again", metadata__k="v")
        self.assertEqual([n.id for n in self.stripe.credit_notes.list({"customer": invoice.customer}).data], [note.id])
        since = self.mark()
        void = self.stripe.credit_notes.void_credit_note(note.id)
        self.assertEqual(void.status, "void")
        self.assertIsNotNone(void.voided_at)
        self.assertIn("credit_note.voided", self.types(since, invoice.id))
        self.assertEqual(self.stripe.invoices.retrieve(invoice.id).amount_remaining, 2000)

    def test_what_does_not_add_up(self):
        invoice = self.invoice()
        for params in [{"amount": 2001, "credit_amount": 2001}, {"amount": 500, "credit_amount": 400}, {"amount": 0}]:
            with self.subTest(params), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.credit_notes.create({"invoice": invoice.id, **params})
            self.assertEqual(refusal.exception.http_status, 400)
