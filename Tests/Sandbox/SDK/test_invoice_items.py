"""Invoice items: what is put on the next invoice."""

from support import HOUR, Story


class InvoiceItems(Story):
    def test_created_retrieved_listed_and_deleted(self):
        customer = self.customer()
        since = self.mark()
        item = self.stripe.invoice_items.create(
            {"customer": customer, "amount": 700, "currency": "usd", "description": "Setting up", "metadata": {"k": "v"}})
        self.assertFields(
            item, object="invoiceitem", amount=700, currency="usd", description="Setting up", invoice=None, quantity=1,
            proration=False, discountable=True, metadata__k="v", customer=customer, parent=None)
        self.assertEqual(self.stripe.invoice_items.retrieve(item.id).to_dict(), item.to_dict())
        self.assertEqual([each.id for each in self.stripe.invoice_items.list({"customer": customer}).data], [item.id])
        self.assertEqual([e.type for e in self.events(since, item.id)], ["invoiceitem.created"])
        self.stripe.invoice_items.delete(item.id)
        self.assertEqual(self.stripe.invoice_items.list({"customer": customer}).data, [])

    def test_of_a_price_and_a_quantity(self):
        price = self.stripe.prices.create({"currency": "usd", "unit_amount": 250, "product_data": {"name": "Hour"}}).id
        item = self.stripe.invoice_items.create(
            {"customer": self.customer(), "pricing": {"price": price}, "quantity": 3})
        self.assertFields(item, amount=750, quantity=3, pricing__price_details__price=price)

    def test_it_comes_with_the_next_renewal(self):
        customer = self.customer()
        subscription = self.subscribe(customer, self.price(1000))
        item = self.stripe.invoice_items.create(
            {"customer": customer, "amount": 300, "currency": "usd", "description": "Extra"})
        credit = self.stripe.invoice_items.create(
            {"customer": customer, "amount": -100, "currency": "usd", "subscription": subscription.id})
        upcoming = self.stripe.invoices.create_preview({"subscription": subscription.id})
        self.assertEqual(upcoming.total, 1200)
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        invoice = self.invoice_of(subscription)
        self.assertFields(invoice, total=1200, amount_paid=1200)
        line = next(line for line in invoice.lines.data if line.description == "Extra")
        self.assertFields(
            line, amount=300, parent__type="invoice_item_details", parent__invoice_item_details__invoice_item=item.id,
            parent__subscription_item_details=None)
        self.assertEqual(self.stripe.invoice_items.retrieve(credit.id).invoice, invoice.id)
        with self.assertRaises(Exception) as refusal:
            self.stripe.invoice_items.delete(item.id)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_it_needs_a_customer(self):
        with self.refused(code="parameter_missing", param="customer"):
            self.stripe.invoice_items.create({"amount": 1, "currency": "usd"})
        with self.refused(status=404, code="resource_missing", param="invoiceitem") as refusal:
            self.stripe.invoice_items.retrieve("ii_none")
        self.assertEqual(refusal.message, "No such Invoice Item: 'ii_none'(livemode=false)")
