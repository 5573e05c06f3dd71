"""The customer's balance, tax ids, and the account itself."""

import stripe

from support import HOUR, Story


class Balances(Story):
    def test_moved_read_and_noted(self):
        buyer = self.customer()
        move = self.stripe.customers.balance_transactions.create(
            buyer, {"amount": -1200, "currency": "usd", "description": "Gift", "metadata": {"k": "v"}})
        found = self.stripe.customers.balance_transactions.retrieve(buyer, move.id)
        self.assertFields(found, amount=-1200, ending_balance=-1200, type="adjustment", description="Gift")
        noted = self.stripe.customers.balance_transactions.update(buyer, move.id, {"metadata": {"k": "w"}})
        self.assertEqual(noted.metadata["k"], "w")

    def test_used_up_over_several_invoices(self):
        buyer = self.customer(balance=-2500)
        subscription = self.subscribe(buyer, self.price(1000), expand=["latest_invoice"])
        self.assertFields(
            subscription.latest_invoice, status="paid", amount_due=0, starting_balance=-2500, ending_balance=-1500)
        dues = []
        for _ in range(2):
            item = self.stripe.subscriptions.retrieve(subscription.id)["items"].data[0]
            self.advance(to=item.current_period_end + HOUR + 60)
            dues.append(self.invoice_of(subscription).amount_due)
        self.assertEqual(dues, [0, 500])
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, 0)

    def test_given_back_when_the_invoice_is_voided(self):
        buyer = self.customer(paying=None, balance=-300)
        subscription = self.subscribe(buyer, self.price(1000), payment_behavior="default_incomplete")
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, 0)
        self.stripe.invoices.void_invoice(subscription.latest_invoice)
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, -300)
        self.assertEqual(
            self.stripe.customers.balance_transactions.list(buyer).data[0].type, "unapplied_from_invoice")

    def test_a_preview_takes_it_into_account(self):
        buyer = self.customer(balance=-300)
        items = [{"price": self.price(1000), "quantity": 1}]
        preview = self.stripe.invoices.create_preview({"customer": buyer, "subscription_details": {"items": items}})
        self.assertFields(preview, total=1000, amount_due=700, starting_balance=-300)
        self.assertEqual(self.stripe.customers.retrieve(buyer).balance, -300)


class TaxIDs(Story):
    def test_a_customers(self):
        buyer = self.customer(paying=None)
        since = self.mark()
        tax_id = self.stripe.customers.tax_ids.create(buyer, {"type": "eu_vat", "value": "DE123456789"})
        self.assertFields(
            tax_id, object="tax_id", type="eu_vat", value="DE123456789", country="DE", customer=buyer,
            owner__type="customer", owner__customer=buyer)
        self.assertEqual(self.stripe.customers.tax_ids.retrieve(buyer, tax_id.id).id, tax_id.id)
        self.assertEqual([each.id for each in self.stripe.customers.tax_ids.list(buyer).data], [tax_id.id])
        full = self.stripe.customers.retrieve(buyer, {"expand": ["tax_ids"]})
        self.assertEqual([each.id for each in full.tax_ids.data], [tax_id.id])
        gone = self.stripe.customers.tax_ids.delete(buyer, tax_id.id)
        self.assertEqual(gone.to_dict(), {"id": tax_id.id, "object": "tax_id", "deleted": True})
        self.assertEqual(
            self.types(since, tax_id.id), ["customer.tax_id.created", "customer.tax_id.deleted"])

    def test_of_whom_it_may_be(self):
        buyer = self.customer(paying=None)
        tax_id = self.stripe.tax_ids.create(
            {"type": "gb_vat", "value": "GB123456789", "owner": {"type": "customer", "customer": buyer}})
        self.assertEqual(self.stripe.tax_ids.retrieve(tax_id.id).owner.customer, buyer)
        listed = self.stripe.tax_ids.list({"owner": {"type": "customer", "customer": buyer}})
        self.assertEqual([each.id for each in listed.data], [tax_id.id])
        self.assertTrue(self.stripe.tax_ids.delete(tax_id.id).deleted)
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.tax_ids.create({"type": "no_such_tax", "value": "1"})


class Account(Story):
    def test_the_account(self):
        account = self.stripe.accounts.retrieve_current()
        self.assertEqual(account.object, "account")
        self.assertTrue(account.id.startswith("acct_"))
        self.assertEqual(self.stripe.accounts.retrieve(account.id).id, account.id)

    def test_its_balance(self):
        balance = self.stripe.balance.retrieve()
        self.assertFields(balance, object="balance", livemode=False)
        self.assertTrue(balance.available)
