"""Search in its own language."""

import stripe

from support import Story, unique


class Search(Story):
    def test_customers(self):
        word = unique("needle")
        mine = self.customer(paying=None, name=f"Anna {word}", email=f"{word}@example.com", metadata={"team": word})
        other = self.customer(paying=None, name=f"Berta {word}")
        for query, expected in [
            (f'email:"{word}@example.com"', {mine}), (f'name~"{word}"', {mine, other}),
            (f'metadata["team"]:"{word}"', {mine}), (f'name~"{word}" AND -email:"{word}@example.com"', {other}),
            (f'name:"anna {word}"', {mine}), (f'name~"{word}" AND created>0', {mine, other}),
            (f'email:"{word}@example.com" OR name:"Berta {word}"', {mine, other}),
            (f'name~"{word}" AND -metadata["team"]:null', {mine}), (f'name~"{word}" created<5', set()),
        ]:
            with self.subTest(query):
                found = self.stripe.customers.search({"query": query})
                self.assertEqual({customer.id for customer in found.data}, expected)
        self.assertFields(found, object="search_result", url="/v1/customers/search", has_more=False, next_page=None)

    def test_pages(self):
        word = unique("page")
        ids = [self.customer(paying=None, metadata={"k": word}) for _ in range(5)]
        params = {"query": f'metadata["k"]:"{word}"', "limit": 2}
        first = self.stripe.customers.search({**params, "expand": ["total_count"]})
        self.assertEqual((len(first.data), first.has_more, first.total_count), (2, True, 5))
        second = self.stripe.customers.search({**params, "page": first.next_page})
        self.assertFalse({c.id for c in first.data} & {c.id for c in second.data})
        walked = [customer.id for customer in self.stripe.customers.search(params).auto_paging_iter()]
        self.assertEqual(sorted(walked), sorted(ids))

    def test_every_resource(self):
        word = unique("all")
        product = self.product(f"Chair {word}", metadata={"k": word})
        price = self.price(900, product=product, metadata={"k": word}, lookup_key=word)
        buyer = self.customer()
        subscription = self.subscribe(buyer, price, metadata={"k": word})
        invoice = self.stripe.invoices.update(subscription.latest_invoice, {"metadata": {"k": word}})
        intent = self.intent_of(invoice).id
        self.stripe.payment_intents.update(
            self.stripe.payment_intents.create({"amount": 777, "currency": "usd", "metadata": {"k": word}}).id, {})
        by_metadata = f'metadata["k"]:"{word}"'
        for service, queries, expected in [
            (self.stripe.products, [by_metadata, f'name~"{word}"', f'active:"true" AND name~"{word}"'], product),
            (self.stripe.prices, [by_metadata, f'lookup_key:"{word}"', f'product:"{product}"'], price),
            (self.stripe.subscriptions, [by_metadata, f'status:"active" AND {by_metadata}'], subscription.id),
            (self.stripe.invoices, [by_metadata, f'number:"{invoice.number}"', f'subscription:"{subscription.id}"',
                                    f'customer:"{buyer}" AND total>=900'], invoice.id),
            (self.stripe.payment_intents, [f'customer:"{buyer}"', f'customer:"{buyer}" AND amount:900'], intent),
        ]:
            for query in queries:
                with self.subTest(query):
                    self.assertEqual([each.id for each in service.search({"query": query}).data], [expected])

    def test_what_is_no_query(self):
        for query in ["", "nonsense", 'email:"unclosed', 'foo:"bar"', 'name:"a" AND name:"b" OR name:"c"', 'name~"ab"']:
            with self.subTest(query), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.customers.search({"query": query})
            self.assertEqual(refusal.exception.http_status, 400)
