"""Metadata: merged, taken away, bounded; and other members that an empty value unsets."""

import stripe

from support import Story


class Metadata(Story):
    def test_it_is_merged_and_taken_away(self):
        customer = self.customer(paying=None, metadata={"a": "1", "b": "2"})
        found = self.stripe.customers.update(customer, {"metadata": {"b": "3", "c": 4}})
        self.assertEqual(found.metadata.to_dict(), {"a": "1", "b": "3", "c": "4"})
        found = self.stripe.customers.update(customer, {"metadata": {"a": ""}})
        self.assertEqual(found.metadata.to_dict(), {"b": "3", "c": "4"})
        found = self.stripe.customers.update(customer, {"name": "Somebody"})
        self.assertEqual(found.metadata.to_dict(), {"b": "3", "c": "4"})
        found = self.stripe.customers.update(customer, {"metadata": ""})
        self.assertEqual(found.metadata.to_dict(), {})

    def test_the_event_tells_the_keys_that_changed(self):
        customer = self.customer(paying=None, metadata={"a": "1", "b": "2"})
        since = self.mark()
        self.stripe.customers.update(customer, {"metadata": {"b": "3", "c": "4"}})
        update, = self.events(since, customer)
        self.assertEqual(update.data.previous_attributes.to_dict(), {"metadata": {"b": "2", "c": None}})

    def test_every_resource_has_some(self):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(1000), metadata={"k": "v"})
        item = subscription["items"].data[0]
        for service, id_ in [
            (self.stripe.subscriptions, subscription.id), (self.stripe.subscription_items, item.id),
            (self.stripe.prices, item.price.id), (self.stripe.products, item.price.product),
            (self.stripe.invoices, subscription.latest_invoice),
            (self.stripe.payment_methods, self.stripe.customers.payment_methods.list(buyer).data[0].id),
        ]:
            with self.subTest(id_):
                self.assertEqual(service.update(id_, {"metadata": {"k": "w"}}).metadata["k"], "w")
                self.assertEqual(service.retrieve(id_).metadata["k"], "w")

    def test_keys_with_spaces_and_other_scripts(self):
        metadata = {"order id": "6735 & more=?", "größe": "東京 €"}
        customer = self.customer(paying=None, metadata=metadata)
        self.assertEqual(self.stripe.customers.retrieve(customer).metadata.to_dict(), metadata)

    def test_it_has_bounds(self):
        for metadata in [{"k" * 41: "v"}, {"k": "v" * 501}, {f"k{n}": "v" for n in range(51)}]:
            with self.subTest(len(metadata)), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.customer(paying=None, metadata=metadata)
            self.assertEqual(refusal.exception.http_status, 400)
        customer = self.customer(paying=None, metadata={f"k{n}": "v" * 500 for n in range(50)})
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.customers.update(customer, {"metadata": {"one": "more"}})
        self.assertNotIn("one", self.stripe.customers.retrieve(customer).metadata)

    def test_an_empty_value_unsets(self):
        customer = self.customer(
            paying=None, phone="+15551234567", description="A friend",
            address={"line1": "510 Townsend St", "city": "San Francisco", "country": "US"})
        found = self.stripe.customers.update(customer, {"description": "", "phone": "", "name": ""})
        self.assertFields(found, description=None, phone=None, name=None, email="jenny@example.com")
        found = self.stripe.customers.update(customer, {"address": ""})
        self.assertIsNone(found.address)

    def test_an_empty_value_where_one_is_needed(self):
        with self.refused(code="parameter_invalid_empty", param="name"):
            self.stripe.products.create({"name": ""})
