"""Prices: every form of them, their lookup keys, and what never changes."""

from decimal import Decimal

from support import Story, unique


class Prices(Story):
    def test_created_retrieved_and_updated(self):
        since = self.mark()
        product = self.product("Gold")
        price = self.stripe.prices.create(
            {"currency": "usd", "unit_amount": 1250, "product": product, "nickname": "Monthly",
             "recurring": {"interval": "month", "interval_count": 3}, "tax_behavior": "exclusive", "metadata": {"k": "v"}})
        self.assertFields(
            price, active=True, billing_scheme="per_unit", currency="usd", unit_amount=1250, type="recurring",
            unit_amount_decimal=Decimal(1250), product=product, nickname="Monthly", recurring__interval="month",
            recurring__interval_count=3, recurring__usage_type="licensed", tax_behavior="exclusive", tiers_mode=None,
            lookup_key=None, transform_quantity=None, custom_unit_amount=None)
        self.assertEqual(self.stripe.prices.retrieve(price.id).to_dict(), price.to_dict())
        updated = self.stripe.prices.update(price.id, {"nickname": "Old", "active": False, "metadata": {"k": "w"}})
        self.assertFields(updated, nickname="Old", active=False, metadata__k="w", unit_amount=1250)
        self.assertEqual(
            [event.type for event in self.events(since, price.id)], ["price.created", "price.updated"])

    def test_amounts_never_change(self):
        with self.refused(code="parameter_unknown", param="unit_amount"):
            self.stripe.prices.update(self.price(100), {"unit_amount": 200})

    def test_parts_of_a_cent(self):
        price = self.stripe.prices.create(
            {"currency": "usd", "unit_amount_decimal": "0.5", "product_data": {"name": "Call"},
             "recurring": {"interval": "month"}})
        self.assertFields(price, unit_amount=None, unit_amount_decimal=Decimal("0.5"))
        subscription = self.subscribe(self.customer(), (price.id, 201), expand=["latest_invoice"])
        self.assertEqual(subscription.latest_invoice.total, 101)

    def test_once_only(self):
        price = self.stripe.prices.create({"currency": "usd", "unit_amount": 500, "product": self.product()})
        self.assertFields(price, type="one_time", recurring=None)
        with self.assertRaises(Exception) as refusal:
            self.subscribe(self.customer(), price.id)
        self.assertEqual(refusal.exception.http_status, 400)

    def test_what_the_customer_wants_to_pay(self):
        price = self.stripe.prices.create(
            {"currency": "usd", "product": self.product(), "custom_unit_amount": {"enabled": True, "minimum": 100}})
        self.assertFields(price, custom_unit_amount__minimum=100, unit_amount=None)

    def test_tiers_are_there_on_demand(self):
        price = self.price(
            billing_scheme="tiered", tiers_mode="graduated",
            tiers=[{"up_to": 5, "unit_amount": 700}, {"up_to": "inf", "unit_amount": 600, "flat_amount": 100}])
        self.assertIsNone(getattr(self.stripe.prices.retrieve(price), "tiers", None))
        full = self.stripe.prices.retrieve(price, {"expand": ["tiers"]})
        self.assertFields(full, billing_scheme="tiered", tiers_mode="graduated", unit_amount=None)
        self.assertEqual([tier.up_to for tier in full.tiers], [5, None])
        self.assertEqual([tier.flat_amount for tier in full.tiers], [None, 100])

    def test_lookup_keys_belong_to_one_and_can_be_handed_over(self):
        key = unique("standard")
        first = self.price(100, lookup_key=key)
        with self.refused(param="lookup_key") as refusal:
            self.price(200, lookup_key=key)
        self.assertEqual(refusal.message, f"A price (`{first}`) already uses that lookup key.")
        since = self.mark()
        second = self.price(200, lookup_key=key, transfer_lookup_key=True)
        found, = self.stripe.prices.list({"lookup_keys": [key], "expand": ["data.product"]}).data
        self.assertFields(found, id=second, product__name="Widget")
        self.assertIsNone(self.stripe.prices.retrieve(first).lookup_key)
        self.assertEqual(
            [(event.type, event.data.object.id) for event in self.events(since, first)], [("price.updated", first)])

    def test_listed_by_what_they_are(self):
        product = self.product()
        monthly = self.price(100, product=product)
        yearly = self.price(1000, "year", product=product)
        once = self.stripe.prices.create({"currency": "eur", "unit_amount": 5, "product": product}).id
        self.stripe.prices.update(monthly, {"active": False})
        for params, expected in [
            ({}, [once, yearly, monthly]), ({"active": True}, [once, yearly]), ({"type": "one_time"}, [once]),
            ({"recurring": {"interval": "year"}}, [yearly]), ({"currency": "usd"}, [yearly, monthly]),
        ]:
            with self.subTest(params):
                listed = self.stripe.prices.list({"product": product, **params})
                self.assertEqual([price.id for price in listed.data], expected)

    def test_an_idle_price_is_not_for_new_subscriptions(self):
        price = self.price(100)
        self.stripe.prices.update(price, {"active": False})
        with self.assertRaises(Exception) as refusal:
            self.subscribe(self.customer(), price)
        self.assertEqual(refusal.exception.http_status, 400)
        self.assertIn("inactive", str(refusal.exception))

    def test_what_does_not_fit_together(self):
        product = self.product()
        for params, message in [
            ({"currency": "usd", "unit_amount": 1}, "You must specify either `product` or `product_data`"),
            ({"currency": "usd", "product": product}, "Prices require an `unit_amount` or `unit_amount_decimal`"),
            ({"currency": "usd", "product": product, "billing_scheme": "tiered", "tiers_mode": "volume",
              "tiers": [{"up_to": "inf", "unit_amount": 1}]},
             "Prices with `type=one_time` are not supported with tiered billing."),
            ({"currency": "usd", "product": product, "unit_amount": 1,
              "recurring": {"interval": "month", "usage_type": "metered"}}, "metered prices must be backed by meters"),
        ]:
            with self.subTest(message), self.assertRaises(Exception) as refusal:
                self.stripe.prices.create(params)
            self.assertEqual(refusal.exception.http_status, 400)
            self.assertIn(message, str(refusal.exception))
