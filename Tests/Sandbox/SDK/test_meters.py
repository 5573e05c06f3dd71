"""Metered usage: meters, the events that they count, and the invoice at the end of the period."""

import stripe

from support import DAY, HOUR, Story, unique


class Meters(Story):
    def meter(self, formula="sum", **params):
        return self.stripe.billing.meters.create(
            {"display_name": "Calls", "event_name": unique("calls"), "default_aggregation": {"formula": formula},
             "customer_mapping": {"type": "by_id", "event_payload_key": "stripe_customer_id"},
             "value_settings": {"event_payload_key": "value"}, **params})

    def metered(self, meter, **params):
        return self.stripe.prices.create(
            {"currency": "usd", "product": self.product("Calls"),
             "recurring": {"interval": "month", "usage_type": "metered", "meter": meter}, **params}).id

    def use(self, meter, customer, value, **params):
        return self.stripe.billing.meter_events.create(
            {"event_name": meter.event_name, "payload": {"stripe_customer_id": customer, "value": str(value)}, **params})

    def test_created_retrieved_updated_listed_and_put_to_rest(self):
        since = self.mark()
        meter = self.meter()
        self.assertFields(
            meter, object="billing.meter", display_name="Calls", status="active", default_aggregation__formula="sum",
            customer_mapping__event_payload_key="stripe_customer_id", value_settings__event_payload_key="value",
            event_time_window=None)
        self.assertEqual(self.stripe.billing.meters.retrieve(meter.id).to_dict(), meter.to_dict())
        self.assertEqual(self.stripe.billing.meters.update(meter.id, {"display_name": "More"}).display_name, "More")
        self.assertIn(meter.id, [m.id for m in self.stripe.billing.meters.list({"status": "active"}).auto_paging_iter()])
        idle = self.stripe.billing.meters.deactivate(meter.id)
        self.assertEqual(idle.status, "inactive")
        self.assertIsNotNone(idle.status_transitions.deactivated_at)
        with self.assertRaises(stripe.InvalidRequestError):
            self.use(meter, self.customer(), 1)
        self.assertEqual(self.stripe.billing.meters.reactivate(meter.id).status, "active")
        self.assertEqual(
            self.types(since, meter.id),
            [f"billing.meter.{what}" for what in ("created", "updated", "deactivated", "reactivated")])
        with self.assertRaises(stripe.InvalidRequestError):
            self.meter(event_name=meter.event_name)

    def test_usage_is_summed_and_billed_in_arrears(self):
        meter, buyer = self.meter(), self.customer()
        price = self.metered(meter.id, unit_amount=7)
        subscription = self.subscribe(buyer, price)
        item, = subscription["items"].data
        self.assertIsNone(getattr(item, "quantity", None))
        self.assertEqual(subscription.status, "active")
        self.advance(DAY)
        event = self.use(meter, buyer, 30, identifier=unique("once"))
        self.assertFields(event, object="billing.meter_event", event_name=meter.event_name, payload__value="30")
        self.use(meter, buyer, 12)
        self.use(meter, self.customer(), 1000)
        start, end = item.current_period_start, item.current_period_end
        summaries = self.stripe.billing.meters.event_summaries.list(
            meter.id, {"customer": buyer, "start_time": start - start % 60, "end_time": end - end % 60})
        self.assertEqual([s.aggregated_value for s in summaries.data], [42])
        self.advance(to=end + HOUR + 60)
        invoice = self.invoice_of(subscription)
        self.assertFields(invoice, status="paid", billing_reason="subscription_cycle", total=294)
        line = next(line for line in invoice.lines.data if line.amount)
        self.assertFields(line, amount=294, quantity=42, period__start=start, period__end=end)

    def test_the_last_value_and_the_count(self):
        for formula, total in (("last", 50), ("count", 30)):
            with self.subTest(formula):
                meter, buyer = self.meter(formula), self.customer()
                subscription = self.subscribe(buyer, self.metered(meter.id, unit_amount=10))
                self.advance(DAY)
                for value in (9, 7, 5):
                    self.use(meter, buyer, value)
                    self.advance(60)
                self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
                self.assertEqual(self.invoice_of(subscription).total, total)

    def test_an_identifier_counts_once_and_can_be_taken_back(self):
        meter, buyer = self.meter(), self.customer()
        subscription = self.subscribe(buyer, self.metered(meter.id, unit_amount=10))
        self.advance(DAY)
        once = unique("once")
        self.use(meter, buyer, 100, identifier=once)
        with self.assertRaises(stripe.InvalidRequestError):
            self.use(meter, buyer, 100, identifier=once)
        self.use(meter, buyer, 9)
        adjustment = self.stripe.billing.meter_event_adjustments.create(
            {"event_name": meter.event_name, "type": "cancel", "cancel": {"identifier": once}})
        self.assertFields(
            adjustment, object="billing.meter_event_adjustment", type="cancel", cancel__identifier=once)
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        self.assertEqual(self.invoice_of(subscription).total, 90)

    def test_usage_by_tiers(self):
        meter, buyer = self.meter(), self.customer()
        price = self.metered(
            meter.id, billing_scheme="tiered", tiers_mode="graduated",
            tiers=[{"up_to": 100, "unit_amount": 0}, {"up_to": "inf", "unit_amount": 3}])
        subscription = self.subscribe(buyer, price)
        self.advance(DAY)
        self.use(meter, buyer, 250)
        self.advance(to=subscription["items"].data[0].current_period_end + HOUR + 60)
        self.assertEqual(self.invoice_of(subscription).total, 450)

    def test_events_that_are_refused(self):
        meter, buyer = self.meter(), self.customer()
        for params in [
            {"event_name": "unheard_of"}, {"payload": {"value": "1"}},
            {"timestamp": self.now() - 36 * DAY}, {"timestamp": self.now() + HOUR},
        ]:
            with self.subTest(params), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.billing.meter_events.create(
                    {"event_name": meter.event_name, "payload": {"stripe_customer_id": buyer, "value": "1"}, **params})
            self.assertEqual(refusal.exception.http_status, 400)
