"""Invoices without a subscription: drafted, filled, changed, sent and thrown away."""

import stripe

from support import DAY, HOUR, Story


class InvoicesByHand(Story):
    def draft(self, buyer=None, **params):
        return self.stripe.invoices.create({"customer": buyer or self.customer(), "currency": "usd", **params})

    def put(self, buyer, amount=1500, **params):
        return self.stripe.invoice_items.create({"customer": buyer, "amount": amount, "currency": "usd", **params})

    def test_drafted_filled_finalized_and_paid(self):
        buyer = self.customer()
        since = self.mark()
        draft = self.draft(buyer, description="For the chair", auto_advance=False, metadata={"k": "v"})
        self.assertFields(
            draft, status="draft", billing_reason="manual", total=0, parent=None, auto_advance=False, number=None,
            collection_method="charge_automatically", description="For the chair", metadata__k="v")
        item = self.put(buyer, 1500, invoice=draft.id, description="Chair")
        self.assertEqual(self.stripe.invoices.retrieve(draft.id).total, 1500)
        finalized = self.stripe.invoices.finalize_invoice(draft.id)
        self.assertFields(finalized, status="open", amount_due=1500)
        paid = self.stripe.invoices.pay(draft.id)
        self.assertFields(paid, status="paid", amount_paid=1500)
        line, = paid.lines.data
        self.assertFields(
            line, amount=1500, description="Chair", parent__type="invoice_item_details",
            parent__invoice_item_details__invoice_item=item.id, subscription=None)
        types = self.types(since, buyer)
        self.assertEqual(
            [t for t in types if t in ("invoice.created", "invoiceitem.created", "invoice.finalized", "invoice.paid")],
            ["invoice.created", "invoiceitem.created", "invoice.finalized", "invoice.paid"])

    def test_what_is_pending_comes_on_demand(self):
        buyer = self.customer()
        item = self.put(buyer)
        self.assertEqual(self.draft(buyer).total, 0)
        self.assertEqual(self.draft(buyer, pending_invoice_items_behavior="include").total, 1500)
        self.assertIsNotNone(self.stripe.invoice_items.retrieve(item.id).invoice)

    def test_it_finalizes_by_itself(self):
        buyer = self.customer()
        self.put(buyer)
        draft = self.draft(buyer, pending_invoice_items_behavior="include", auto_advance=True)
        self.assertEqual(draft.automatically_finalizes_at, draft.created + HOUR + 1)
        self.advance(HOUR + 60)
        self.assertFields(self.stripe.invoices.retrieve(draft.id), status="paid", amount_paid=1500)

    def test_lines_are_added_changed_and_removed(self):
        draft = self.draft()
        filled = self.stripe.invoices.add_lines(
            draft.id, {"lines": [{"amount": 100, "description": "One"}, {"amount": 200, "description": "Two"}]})
        self.assertEqual(filled.total, 300)
        by_words = {line.description: line for line in filled.lines.data}
        changed = self.stripe.invoices.update_lines(
            draft.id, {"lines": [{"id": by_words["One"].id, "amount": 150}]})
        self.assertEqual(changed.total, 350)
        line = self.stripe.invoices.line_items.update(draft.id, by_words["Two"].id, {"description": "Second"})
        self.assertFields(line, object="line_item", description="Second", amount=200)
        left = self.stripe.invoices.remove_lines(
            draft.id, {"lines": [{"id": by_words["One"].id, "behavior": "delete"}]})
        self.assertEqual([each.description for each in left.lines.data], ["Second"])
        self.stripe.invoices.finalize_invoice(draft.id)
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.invoices.add_lines(draft.id, {"lines": [{"amount": 1, "description": "Late"}]})
        self.assertEqual(refusal.exception.code, "invoice_not_editable")

    def test_sent(self):
        buyer = self.customer(paying=None)
        draft = self.draft(buyer, collection_method="send_invoice", days_until_due=10)
        self.put(buyer, invoice=draft.id)
        since = self.mark()
        sent = self.stripe.invoices.send_invoice(draft.id)
        self.assertFields(sent, status="open", amount_due=1500, due_date=draft.created + 10 * DAY)
        self.assertIn("invoice.sent", self.types(since, buyer))

    def test_a_draft_is_thrown_away_with_what_is_on_it(self):
        buyer = self.customer()
        draft = self.draft(buyer)
        item = self.put(buyer, invoice=draft.id)
        since = self.mark()
        gone = self.stripe.invoices.delete(draft.id)
        self.assertEqual(gone.to_dict(), {"id": draft.id, "object": "invoice", "deleted": True})
        self.assertIn("invoice.deleted", self.types(since, buyer))
        self.assertEqual(self.stripe.invoice_items.list({"customer": buyer, "pending": True}).data, [])
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.invoice_items.update(item.id, {"amount": 1})
        other = self.draft(buyer)
        self.stripe.invoices.finalize_invoice(other.id)
        with self.refused() as refusal:
            self.stripe.invoices.delete(other.id)
        self.assertEqual(refusal.message, "You can only delete draft invoices.")

    def test_an_item_is_changed_while_it_waits(self):
        buyer = self.customer()
        item = self.put(buyer, 500)
        changed = self.stripe.invoice_items.update(
            item.id, {"amount": 700, "description": "Dearer", "metadata": {"k": "v"}})
        self.assertFields(changed, amount=700, description="Dearer", metadata__k="v")
