"""Subscriptions: every parameter of their making, every filter of their list."""

import datetime

import stripe

from support import DAY, HOUR, Story


class Subscriptions(Story):
    def test_what_a_new_one_holds(self):
        customer, price = self.customer(), self.price(2000)
        subscription = self.subscribe(customer, (price, 3), description="Team", metadata={"k": "v"})
        created = subscription.created
        self.assertFields(
            subscription, object="subscription", status="active", customer=customer, currency="usd",
            collection_method="charge_automatically", start_date=created, billing_cycle_anchor=created,
            cancel_at_period_end=False, cancel_at=None, canceled_at=None, ended_at=None, description="Team",
            days_until_due=None, default_payment_method=None, default_source=None, pause_collection=None,
            pending_update=None, schedule=None, trial_start=None, trial_end=None, test_clock=None, application=None,
            billing_mode__type="flexible", cancellation_details__reason=None, metadata__k="v",
            payment_settings__save_default_payment_method="off",
            trial_settings__end_behavior__missing_payment_method="create_invoice", automatic_tax__enabled=False,
            invoice_settings__issuer__type="self", status_details=None, livemode=False)
        self.assertEqual((subscription.discounts, subscription.default_tax_rates), ([], []))
        item, = subscription["items"].data
        self.assertFields(
            item, quantity=3, price__id=price, subscription=subscription.id, current_period_start=created,
            billing_thresholds=None, discounts=[], tax_rates=[])
        self.assertIsNone(getattr(subscription, "current_period_end", None), "the period is the item's")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).to_dict(), subscription.to_dict())

    def test_by_invoice(self):
        customer = self.customer(paying=None)
        with self.refused():
            self.subscribe(customer, self.price(100), collection_method="send_invoice")
        with self.refused():
            self.subscribe(self.customer(), self.price(100), days_until_due=30)
        subscription = self.subscribe(
            customer, self.price(900), collection_method="send_invoice", days_until_due=14, expand=["latest_invoice"])
        self.assertFields(
            subscription, status="active", days_until_due=14, latest_invoice__status="draft",
            latest_invoice__collection_method="send_invoice", latest_invoice__auto_advance=True)
        self.advance(HOUR + 60)
        sent = self.invoice_of(subscription)
        self.assertFields(sent, status="open", amount_due=900, attempt_count=0)
        self.assertAlmostEqual(sent.due_date, self.now() + 14 * DAY, delta=2 * HOUR)
        self.assertEqual(self.stripe.invoices.pay(sent.id, {"paid_out_of_band": True}).status, "paid")

    def test_a_price_made_on_the_way(self):
        subscription = self.subscribe(
            self.customer(), items=[{"price_data": {"currency": "usd", "product": self.product("Gold"), "unit_amount": 777,
                                                    "recurring": {"interval": "week"}}}], expand=["latest_invoice"])
        item, = subscription["items"].data
        self.assertEqual(item.current_period_end - item.current_period_start, 7 * DAY)
        self.assertEqual(subscription.latest_invoice.total, 777)

    def test_an_anchor_ahead(self):
        anchor = self.now() + 10 * DAY
        subscription = self.subscribe(
            self.customer(), self.price(3000), billing_cycle_anchor=anchor, expand=["latest_invoice"])
        item, = subscription["items"].data
        self.assertFields(subscription, billing_cycle_anchor=anchor, status="active")
        self.assertEqual(item.current_period_end, anchor)
        self.assertTrue(0 < subscription.latest_invoice.total < 3000)
        free = self.subscribe(
            self.customer(), self.price(3000), billing_cycle_anchor=self.now() + 10 * DAY, proration_behavior="none")
        total = self.invoice_of(free).total if free.latest_invoice else 0
        self.assertEqual((free.status, total), ("active", 0))

    def test_an_anchor_by_day_of_month(self):
        subscription = self.subscribe(
            self.customer(), self.price(3000), billing_cycle_anchor_config={"day_of_month": 31})
        end = datetime.datetime.fromtimestamp(subscription["items"].data[0].current_period_end, datetime.timezone.utc)
        self.assertEqual((end + datetime.timedelta(days=1)).day, 1, "the last day of its month")
        self.assertEqual(subscription.billing_cycle_anchor_config.day_of_month, 31)

    def test_a_new_anchor_now(self):
        subscription = self.subscribe(self.customer(), self.price(3000))
        self.advance(10 * DAY)
        moved = self.stripe.subscriptions.update(
            subscription.id, {"billing_cycle_anchor": {"type": "now"}, "proration_behavior": "none"})
        self.assertAlmostEqual(moved["items"].data[0].current_period_start, self.now(), delta=60)

    def test_a_year_with_a_leap_day_and_month_ends(self):
        subscription = self.subscribe(self.customer(), self.price(100))
        first = datetime.datetime.fromtimestamp(subscription.billing_cycle_anchor, datetime.timezone.utc)
        self.advance(150 * DAY)
        item, = self.stripe.subscriptions.retrieve(subscription.id)["items"].data
        start = datetime.datetime.fromtimestamp(item.current_period_start, datetime.timezone.utc)
        self.assertEqual(start.time(), first.time())
        next_month = (start.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)
        last_day = (next_month - datetime.timedelta(days=1)).day
        self.assertEqual(start.day, min(first.day, last_day))

    def test_older_billing_mode(self):
        subscription = self.subscribe(
            self.customer(), self.price(100), billing_mode={"type": "classic"}, trial_period_days=5,
            expand=["latest_invoice"])
        self.assertEqual(subscription.billing_mode.type, "classic")
        self.assertEqual(subscription.latest_invoice.lines.data[0].description, "Trial period for Widget")

    def test_its_own_default_method(self):
        customer = self.customer(paying="pm_card_chargeCustomerFail")
        good = self.stripe.payment_methods.attach("pm_card_visa", {"customer": customer}).id
        subscription = self.subscribe(customer, self.price(100), default_payment_method=good)
        self.assertFields(subscription, status="active", default_payment_method=good)
        strange = self.stripe.payment_methods.attach("pm_card_visa", {"customer": self.customer(paying=None)}).id
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.subscriptions.update(subscription.id, {"default_payment_method": strange})
        self.assertEqual(refusal.exception.param, "default_payment_method")

    def test_listed_by_what_they_are(self):
        customer, price = self.customer(), self.price(100)
        active = self.subscribe(customer, price).id
        trial = self.subscribe(customer, self.price(200), trial_period_days=9).id
        ended = self.subscribe(customer, self.price(300)).id
        self.stripe.subscriptions.cancel(ended)
        for params, expected in [
            ({}, {active, trial}), ({"status": "all"}, {active, trial, ended}), ({"status": "trialing"}, {trial}),
            ({"status": "canceled"}, {ended}), ({"status": "ended"}, {ended}), ({"price": price}, {active}),
            ({"collection_method": "send_invoice"}, set()), ({"created": {"lt": 1}}, set()),
        ]:
            with self.subTest(params):
                listed = self.stripe.subscriptions.list({"customer": customer, **params}).data
                self.assertEqual({each.id for each in listed}, expected)

    def test_updated_words(self):
        subscription = self.subscribe(self.customer(), self.price(100), description="One")
        updated = self.stripe.subscriptions.update(
            subscription.id, {"description": "Two",
                              "payment_settings": {"save_default_payment_method": "on_subscription"},
                              "metadata": {"k": "v"}})
        self.assertFields(
            updated, description="Two", metadata__k="v", payment_settings__save_default_payment_method="on_subscription")

    def test_the_end_of_a_pause_needs_one(self):
        customer = self.customer(paying=None)
        subscription = self.subscribe(
            customer, self.price(100), trial_period_days=3,
            trial_settings={"end_behavior": {"missing_payment_method": "pause"}})
        self.advance(to=subscription.trial_end + 60)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "paused")
        self.pay_with(customer, "pm_card_visa")
        resumed = self.stripe.subscriptions.resume(subscription.id, {"billing_cycle_anchor": {"type": "now"}})
        self.assertEqual(resumed.status, "active")
        self.assertFields(self.invoice_of(subscription), status="paid", amount_paid=100)
