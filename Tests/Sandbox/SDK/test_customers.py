"""Customers: every endpoint that is theirs."""

from support import Story, unique


class Customers(Story):
    def test_created_with_everything(self):
        address = {
            "line1": "510 Townsend St", "city": "San Francisco", "state": "CA", "postal_code": "94103", "country": "US"}
        since = self.mark()
        customer = self.stripe.customers.create(
            {"email": "jenny@example.com", "name": "Jenny Rosen", "phone": "+15555550123", "description": "A friend",
             "address": address, "shipping": {"name": "Jenny", "address": address}, "tax_exempt": "exempt",
             "preferred_locales": ["fr", "en"], "metadata": {"k": "v"},
             "invoice_settings": {"footer": "Thanks", "custom_fields": [{"name": "PO", "value": "7"}]}})
        self.addCleanup(self.forget, customer.id)
        self.assertFields(
            customer, email="jenny@example.com", name="Jenny Rosen", balance=0, currency=None, delinquent=False,
            address__city="San Francisco", address__line2=None, shipping__address__country="US", tax_exempt="exempt",
            invoice_settings__footer="Thanks", invoice_settings__default_payment_method=None, discount=None,
            next_invoice_sequence=1, test_clock=None, default_source=None)
        self.assertEqual(customer.preferred_locales, ["fr", "en"])
        self.assertEqual(customer.invoice_settings.custom_fields[0].value, "7")
        self.assertRegex(customer.invoice_prefix, "^[A-Z0-9]{7,8}$")
        self.assertEqual(self.types(since, customer.id), ["customer.created"])
        self.assertEqual(self.stripe.customers.retrieve(customer.id).to_dict(), customer.to_dict())

    def test_nothing_is_needed(self):
        customer = self.stripe.customers.create()
        self.addCleanup(self.forget, customer.id)
        self.assertFields(customer, email=None, name=None, address=None, shipping=None)

    def test_created_with_a_method(self):
        since = self.mark()
        customer = self.stripe.customers.create(
            {"payment_method": "pm_card_visa", "invoice_settings": {"default_payment_method": "pm_card_visa"}})
        self.addCleanup(self.forget, customer.id)
        method, = self.stripe.customers.payment_methods.list(customer.id).data
        self.assertEqual(customer.invoice_settings.default_payment_method, method.id)
        self.assertEqual(self.types(since, customer.id), ["customer.created", "payment_method.attached"])

    def test_updated(self):
        customer = self.customer(paying=None)
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        since = self.mark()
        updated = self.stripe.customers.update(
            customer, {"name": "J. Rosen", "invoice_settings": {"default_payment_method": method}})
        self.assertFields(updated, name="J. Rosen", invoice_settings__default_payment_method=method)
        event, = self.events(since, customer)
        self.assertEqual(
            event.data.previous_attributes.to_dict(),
            {"name": "Jenny", "invoice_settings": {"default_payment_method": None}})

    def test_a_method_of_somebody_else_is_no_default(self):
        other = self.stripe.payment_methods.attach("pm_card_visa", {"customer": self.customer(paying=None)})
        with self.refused(code="resource_missing", param="invoice_settings[default_payment_method]"):
            self.stripe.customers.update(
                self.customer(paying=None), {"invoice_settings": {"default_payment_method": other.id}})

    def test_listed_by_address(self):
        email = f"{unique('list')}@example.com"
        ids = [self.customer(paying=None, email=email) for _ in range(2)]
        self.assertEqual([c.id for c in self.stripe.customers.list({"email": email}).data], ids[::-1])

    def test_their_methods(self):
        customer = self.customer(paying=None)
        visa = self.stripe.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        amex = self.stripe.payment_methods.attach("pm_card_amex", {"customer": customer}).id
        listed = self.stripe.customers.payment_methods.list(customer, {"type": "card"})
        self.assertEqual([m.id for m in listed.data], [amex, visa])
        self.assertEqual(listed.url, f"/v1/customers/{customer}/payment_methods")
        found = self.stripe.customers.payment_methods.retrieve(customer, visa)
        self.assertFields(found, customer=customer, card__brand="visa")
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.customers.payment_methods.list("cus_none")

    def test_their_balance(self):
        customer = self.customer(balance=-500)
        self.assertEqual(self.stripe.customers.retrieve(customer).balance, -500)
        move = self.stripe.customers.balance_transactions.create(
            customer, {"amount": -250, "currency": "usd", "description": "Sorry"})
        self.assertFields(
            move, amount=-250, ending_balance=-750, type="adjustment", description="Sorry", customer=customer,
            invoice=None, credit_note=None)
        moves = self.stripe.customers.balance_transactions.list(customer).data
        self.assertEqual([(m.type, m.amount) for m in moves], [("adjustment", -250), ("initial", -500)])
        subscription = self.subscribe(customer, self.price(1000), expand=["latest_invoice"])
        self.assertFields(
            subscription.latest_invoice, starting_balance=-750, ending_balance=0, total=1000, amount_due=250,
            amount_paid=250)
        self.assertEqual(self.stripe.customers.retrieve(customer).balance, 0)

    def test_invoices_are_numbered_by_the_customer(self):
        customer = self.customer()
        prefix = self.stripe.customers.retrieve(customer).invoice_prefix
        for number in ("0001", "0002"):
            subscription = self.subscribe(customer, self.price(100), expand=["latest_invoice"])
            self.assertEqual(subscription.latest_invoice.number, f"{prefix}-{number}")
        self.assertEqual(self.stripe.customers.retrieve(customer).next_invoice_sequence, 3)
