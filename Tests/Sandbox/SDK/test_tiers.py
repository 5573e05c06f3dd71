"""Tiered prices, prices in several currencies, and quantities that are divided first."""

from support import Story


class Tiers(Story):
    def tiered(self, mode, flat=False):
        tiers = [{"up_to": 5, "unit_amount": 700}, {"up_to": 10, "unit_amount": 650}, {"up_to": "inf", "unit_amount": 600}]
        if flat:
            tiers = [{"up_to": 5, "unit_amount": 500, "flat_amount": 1000},
                     {"up_to": 10, "unit_amount": 400, "flat_amount": 2000},
                     {"up_to": "inf", "unit_amount": 100, "flat_amount": 3000}]
        return self.price(billing_scheme="tiered", tiers_mode=mode, tiers=tiers)

    def total(self, price, quantity):
        items = [{"price": price, "quantity": quantity}]
        return self.stripe.invoices.create_preview(
            {"customer": self.buyer, "subscription_details": {"items": items}}).total

    def test_the_table(self):
        self.buyer = self.customer()
        graduated, volume = self.tiered("graduated"), self.tiered("volume")
        for quantity, by_grade, by_volume in [
            (1, 700, 700), (5, 3500, 3500), (6, 4150, 3900), (10, 6750, 6500), (11, 7350, 6600), (20, 12750, 12000),
        ]:
            with self.subTest(quantity):
                self.assertEqual((self.total(graduated, quantity), self.total(volume, quantity)), (by_grade, by_volume))
        graduated, volume = self.tiered("graduated", True), self.tiered("volume", True)
        for quantity, by_grade, by_volume in [(1, 1500, 1500), (6, 5900, 4400), (12, 10700, 4200)]:
            with self.subTest(quantity):
                self.assertEqual((self.total(graduated, quantity), self.total(volume, quantity)), (by_grade, by_volume))

    def test_a_subscription_by_tiers(self):
        subscription = self.subscribe(self.customer(), (self.tiered("graduated"), 11), expand=["latest_invoice"])
        self.assertFields(subscription.latest_invoice, status="paid", total=7350)
        self.assertEqual(sum(line.amount for line in subscription.latest_invoice.lines.data), 7350)

    def test_divided_quantities(self):
        self.buyer = self.customer()
        up = self.price(100, transform_quantity={"divide_by": 10, "round": "up"})
        down = self.price(100, transform_quantity={"divide_by": 10, "round": "down"})
        self.assertEqual((self.total(up, 25), self.total(down, 25)), (300, 200))

    def test_several_currencies(self):
        price = self.price(1000, currency_options={"eur": {"unit_amount": 900}})
        full = self.stripe.prices.retrieve(price, {"expand": ["currency_options"]})
        self.assertEqual(full.currency_options["eur"].unit_amount, 900)
        subscription = self.subscribe(self.customer(), price, currency="eur", expand=["latest_invoice"])
        self.assertFields(subscription, currency="eur", latest_invoice__currency="eur", latest_invoice__total=900)

    def test_a_currency_without_cents(self):
        subscription = self.subscribe(self.customer(), self.price(980, currency="jpy"), expand=["latest_invoice"])
        line, = subscription.latest_invoice.lines.data
        self.assertEqual((line.amount, line.description), (980, "1 × Widget (at ¥980 / month)"))
