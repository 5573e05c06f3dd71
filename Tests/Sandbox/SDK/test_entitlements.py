"""Entitlements: features of products, and the customers who have them."""

import stripe

from support import HOUR, Story, unique


class Entitlements(Story):
    def feature(self, **params):
        return self.stripe.entitlements.features.create(
            {"name": "Exports", "lookup_key": unique("exports"), **params})

    def begin(self):
        """A feature of a product, and a price of the product."""
        feature, product = self.feature(), self.product()
        self.stripe.products.features.create(product, {"entitlement_feature": feature.id})
        return feature, self.price(1000, product=product), product

    def active(self, customer):
        return [each.lookup_key for each in self.stripe.entitlements.active_entitlements.list({"customer": customer}).data]

    def test_features_created_retrieved_updated_and_listed(self):
        feature = self.feature(metadata={"k": "v"})
        self.assertFields(feature, object="entitlements.feature", name="Exports", active=True, metadata__k="v")
        self.assertEqual(self.stripe.entitlements.features.retrieve(feature.id).to_dict(), feature.to_dict())
        changed = self.stripe.entitlements.features.update(feature.id, {"name": "Exporting", "metadata": {"k": ""}})
        self.assertEqual(changed.name, "Exporting")
        found = self.stripe.entitlements.features.list({"lookup_key": feature.lookup_key})
        self.assertEqual([each.id for each in found.data], [feature.id])
        self.assertFalse(self.stripe.entitlements.features.update(feature.id, {"active": False}).active)

    def test_a_key_belongs_to_one(self):
        feature = self.feature()
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.feature(lookup_key=feature.lookup_key)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_features_of_a_product(self):
        feature, product = self.feature(), self.product()
        link = self.stripe.products.features.create(product, {"entitlement_feature": feature.id})
        self.assertFields(link, object="product_feature", entitlement_feature__id=feature.id)
        self.assertEqual(self.stripe.products.features.retrieve(product, link.id).id, link.id)
        self.assertEqual([each.id for each in self.stripe.products.features.list(product).data], [link.id])
        gone = self.stripe.products.features.delete(product, link.id)
        self.assertEqual(gone.to_dict(), {"id": link.id, "object": "product_feature", "deleted": True})
        self.assertEqual(self.stripe.products.features.list(product).data, [])

    def test_a_subscription_gives_them_and_its_end_takes_them(self):
        feature, price, _ = self.begin()
        buyer = self.customer()
        self.assertEqual(self.active(buyer), [])
        since = self.mark()
        subscription = self.subscribe(buyer, price)
        entitlement, = self.stripe.entitlements.active_entitlements.list({"customer": buyer}).data
        self.assertFields(
            entitlement, object="entitlements.active_entitlement", feature=feature.id, lookup_key=feature.lookup_key)
        full = self.stripe.entitlements.active_entitlements.retrieve(entitlement.id, {"expand": ["feature"]})
        self.assertEqual(full.feature.name, "Exports")
        told = [e for e in self.events(since, buyer) if e.type == "entitlements.active_entitlement_summary.updated"]
        self.assertEqual(len(told), 1)
        summary = told[0].data.object
        self.assertFields(summary, object="entitlements.active_entitlement_summary", customer=buyer)
        self.assertEqual([each.lookup_key for each in summary.entitlements.data], [feature.lookup_key])
        since = self.mark()
        self.stripe.subscriptions.cancel(subscription.id)
        self.assertEqual(self.active(buyer), [])
        self.assertIn("entitlements.active_entitlement_summary.updated", self.types(since, buyer))

    def test_a_trial_gives_them_an_incomplete_subscription_does_not(self):
        feature, price, _ = self.begin()
        trying = self.customer(paying=None)
        self.subscribe(trying, price, trial_period_days=5)
        self.assertEqual(self.active(trying), [feature.lookup_key])
        waiting = self.customer(paying=None)
        self.subscribe(waiting, price, payment_behavior="default_incomplete")
        self.assertEqual(self.active(waiting), [])

    def test_an_upgrade_gives_more(self):
        feature, price, _ = self.begin()
        more, dear, product = self.begin()
        self.stripe.products.features.create(product, {"entitlement_feature": feature.id})
        buyer = self.customer()
        subscription = self.subscribe(buyer, price)
        item, = subscription["items"].data
        self.stripe.subscriptions.update(
            subscription.id, {"items": [{"id": item.id, "price": dear, "quantity": 1}]})
        self.assertEqual(sorted(self.active(buyer)), sorted([feature.lookup_key, more.lookup_key]))

    def test_a_new_feature_reaches_subscribers_at_their_next_period(self):
        feature, price, product = self.begin()
        buyer = self.customer()
        subscription = self.subscribe(buyer, price)
        more = self.feature()
        self.stripe.products.features.create(product, {"entitlement_feature": more.id})
        self.assertEqual(self.active(buyer), [feature.lookup_key])
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        self.assertEqual(sorted(self.active(buyer)), sorted([feature.lookup_key, more.lookup_key]))
