"""Products and their features' place in the catalogue: every endpoint."""

from support import Story, unique


class Products(Story):
    def test_created_retrieved_updated_listed_and_deleted(self):
        since = self.mark()
        product = self.stripe.products.create(
            {"name": "Gold", "description": "The best", "active": True, "metadata": {"k": "v"},
             "images": ["https://example.com/gold.png"], "marketing_features": [{"name": "Shine"}],
             "statement_descriptor": "GOLD", "unit_label": "seat", "url": "https://example.com", "shippable": False})
        self.assertFields(
            product, name="Gold", description="The best", active=True, default_price=None, unit_label="seat",
            type="service", livemode=False, statement_descriptor="GOLD", shippable=False)
        self.assertEqual(product.marketing_features[0].name, "Shine")
        self.assertEqual(self.stripe.products.retrieve(product.id).to_dict(), product.to_dict())
        updated = self.stripe.products.update(product.id, {"name": "Silver", "active": False, "description": ""})
        self.assertFields(updated, name="Silver", active=False, description=None, metadata__k="v")
        self.assertTrue(self.stripe.products.delete(product.id).deleted)
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.products.retrieve(product.id)
        events = self.events(since, product.id)
        self.assertEqual([event.type for event in events], ["product.created", "product.updated", "product.deleted"])
        self.assertEqual(events[1].data.previous_attributes.name, "Gold")

    def test_an_id_of_ones_own(self):
        id_ = unique("gold")
        self.assertEqual(self.product("Gold", id=id_), id_)
        with self.refused(code="resource_already_exists", param="id"):
            self.product("Gold", id=id_)

    def test_with_its_first_price(self):
        since = self.mark()
        product = self.stripe.products.create(
            {"name": "Gold",
             "default_price_data": {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "year"}},
             "expand": ["default_price"]})
        self.assertFields(
            product.default_price, unit_amount=900, recurring__interval="year", product=product.id, type="recurring")
        self.assertEqual(self.types(since, product.id), ["product.created", "price.created"])

    def test_listed_by_what_they_are(self):
        url = f"https://example.com/{unique('shop')}"
        active, idle = self.product(url=url), self.product(url=url, active=False)
        self.assertEqual([p.id for p in self.stripe.products.list({"url": url}).data], [idle, active])
        self.assertEqual([p.id for p in self.stripe.products.list({"url": url, "active": True}).data], [active])
        listed = self.stripe.products.list({"ids": [active, idle]})
        self.assertEqual({p.id for p in listed.data}, {active, idle})
