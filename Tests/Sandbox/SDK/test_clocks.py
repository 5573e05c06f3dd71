"""Test clocks: time of its own for some customers, and what happens in it at its own instant."""

import time

import stripe

from support import DAY, HOUR, Story

# The first of April 2026, a month of thirty days.
APRIL = 1775001600


class Clocks(Story):
    def clock(self, frozen=APRIL, **params):
        clock = self.stripe.test_helpers.test_clocks.create({"frozen_time": frozen, **params})
        self.addCleanup(self.drop, clock.id)
        return clock

    def drop(self, clock):
        try:
            self.stripe.test_helpers.test_clocks.delete(clock)
        except stripe.InvalidRequestError:
            pass

    def turn(self, clock, to):
        """Advances a clock and waits until it is ready, as documented."""
        clock = self.stripe.test_helpers.test_clocks.advance(clock, {"frozen_time": to})
        deadline = time.monotonic() + 30
        while clock.status != "ready":
            self.assertEqual(clock.status, "advancing")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)
            clock = self.stripe.test_helpers.test_clocks.retrieve(clock.id)
        self.assertEqual(clock.frozen_time, to)

    def frozen_customer(self, clock, token="pm_card_visa"):
        return self.customer(paying=token, test_clock=clock)

    def test_created_retrieved_listed_and_deleted(self):
        since = self.mark()
        clock = self.clock(name="April")
        self.assertFields(
            clock, object="test_helpers.test_clock", frozen_time=APRIL, name="April", status="ready", livemode=False)
        self.assertGreater(clock.deletes_after, clock.created)
        self.assertEqual(self.stripe.test_helpers.test_clocks.retrieve(clock.id).to_dict(), clock.to_dict())
        self.assertIn(clock.id, [each.id for each in self.stripe.test_helpers.test_clocks.list({"limit": 3}).data])
        customer = self.frozen_customer(clock.id)
        subscription = self.subscribe(customer, self.price(100))
        gone = self.stripe.test_helpers.test_clocks.delete(clock.id)
        self.assertEqual(
            gone.to_dict(), {"id": clock.id, "object": "test_helpers.test_clock", "deleted": True})
        self.assertTrue(self.stripe.customers.retrieve(customer).deleted)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "canceled")
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.test_helpers.test_clocks.retrieve(clock.id)
        types = self.types(since, clock.id)
        self.assertEqual(types[0], "test_helpers.test_clock.created")
        self.assertIn("test_helpers.test_clock.deleted", types)

    def test_everything_of_its_customers_is_in_its_time(self):
        clock = self.clock()
        customer = self.frozen_customer(clock.id)
        self.assertEqual(self.stripe.customers.retrieve(customer).test_clock, clock.id)
        subscription = self.subscribe(customer, self.price(1000), expand=["latest_invoice"])
        self.assertFields(
            subscription, test_clock=clock.id, created=APRIL, start_date=APRIL, billing_cycle_anchor=APRIL,
            latest_invoice__test_clock=clock.id, latest_invoice__created=APRIL)
        item, = subscription["items"].data
        self.assertEqual((item.current_period_start, item.current_period_end), (APRIL, APRIL + 30 * DAY))

    def test_a_renewal_is_drafted_at_the_period_end_and_paid_an_hour_later(self):
        clock = self.clock()
        customer = self.frozen_customer(clock.id)
        subscription = self.subscribe(customer, self.price(1000))
        end = APRIL + 30 * DAY
        self.turn(clock.id, end)
        draft = self.invoice_of(subscription)
        self.assertFields(draft, status="draft", created=end, automatically_finalizes_at=end + HOUR + 1)
        self.turn(clock.id, end + HOUR + 60)
        self.assertFields(
            self.invoice_of(subscription), status="paid", status_transitions__finalized_at=end + HOUR)

    def test_advancing_is_told(self):
        since = self.mark()
        clock = self.clock()
        self.turn(clock.id, APRIL + HOUR)
        types = self.types(since, clock.id)
        self.assertEqual(
            types, [f"test_helpers.test_clock.{what}" for what in ("created", "advancing", "ready")])

    def test_time_does_not_go_back_nor_too_far(self):
        clock = self.clock()
        self.subscribe(self.frozen_customer(clock.id), self.price(1000))
        for frozen in (APRIL - 1, APRIL + 70 * DAY):
            with self.subTest(frozen), self.assertRaises(stripe.InvalidRequestError) as refusal:
                self.stripe.test_helpers.test_clocks.advance(clock.id, {"frozen_time": frozen})
            self.assertEqual(refusal.exception.http_status, 400)

    def test_month_ends(self):
        start = 1769854530  # 2026-01-31T10:15:30Z
        clock = self.clock(start)
        subscription = self.subscribe(self.frozen_customer(clock.id), self.price(1000))
        for boundary in (1772273730, 1774952130, 1777544130, 1780222530):
            self.turn(clock.id, boundary)
            item, = self.stripe.subscriptions.retrieve(subscription.id)["items"].data
            self.assertEqual(item.current_period_start, boundary)

    def test_a_leap_day(self):
        start = 1835395200  # 2028-02-29
        clock = self.clock(start)
        subscription = self.subscribe(self.frozen_customer(clock.id), self.price(1000, "year"))
        for year, month, day in ((2029, 2, 28), (2030, 2, 28), (2031, 2, 28), (2032, 2, 29)):
            item, = self.stripe.subscriptions.retrieve(subscription.id)["items"].data
            end = time.gmtime(item.current_period_end)
            self.assertEqual((end.tm_year, end.tm_mon, end.tm_mday), (year, month, day))
            self.turn(clock.id, item.current_period_end)

    def test_a_trial_an_expiry_and_a_planned_end(self):
        clock = self.clock()
        customer = self.frozen_customer(clock.id)
        trial = self.subscribe(customer, self.price(1000), trial_period_days=10)
        waiting = self.subscribe(customer, self.price(1000), payment_behavior="default_incomplete")
        ending = self.subscribe(customer, self.price(1000), cancel_at_period_end=True)
        since = self.mark()
        self.turn(clock.id, APRIL + DAY)
        self.assertEqual(self.stripe.subscriptions.retrieve(waiting.id).status, "incomplete_expired")
        self.turn(clock.id, APRIL + 7 * DAY)
        self.assertIn("customer.subscription.trial_will_end", self.types(since, customer))
        self.turn(clock.id, APRIL + 30 * DAY)
        self.assertEqual(self.stripe.subscriptions.retrieve(trial.id).status, "active")
        self.assertEqual(self.stripe.subscriptions.retrieve(ending.id).status, "canceled")

    def test_its_customers_are_listed_on_demand(self):
        clock = self.clock()
        customer = self.frozen_customer(clock.id)
        subscription = self.subscribe(customer, self.price(1000))
        self.assertNotIn(customer, [each.id for each in self.stripe.customers.list({"limit": 100}).data])
        self.assertEqual([c.id for c in self.stripe.customers.list({"test_clock": clock.id}).data], [customer])
        self.assertEqual([s.id for s in self.stripe.subscriptions.list({"test_clock": clock.id}).data], [subscription.id])

    def test_three_customers_and_no_more(self):
        clock = self.clock()
        for _ in range(3):
            self.frozen_customer(clock.id, token=None)
        with self.assertRaises(stripe.InvalidRequestError):
            self.frozen_customer(clock.id, token=None)

    def test_prorations_to_the_cent(self):
        """The worked examples: start, change, old amount, new amount, credit, debit."""
        for name, start, date, old, new, credit, debit in [
            ("upgrade", 1775001600, 1775865600, 1000, 2000, -667, 1333),
            ("downgrade", 1775001600, 1776729600, 2000, 1000, -667, 333),
            ("January", 1767225600, 1768521600, 5000, 10000, -2581, 5161),
            ("February", 1770292800, 1771575330, 2900, 900, -1363, 422),
            ("at the start", 1772323200, 1772323200, 1500, 4500, -1500, 4500),
        ]:
            with self.subTest(name):
                clock = self.clock(start)
                subscription = self.subscribe(self.frozen_customer(clock.id), self.price(old))
                if date > start:
                    self.turn(clock.id, date)
                item, = subscription["items"].data
                changed = self.stripe.subscriptions.update(
                    subscription.id, {"items": [{"id": item.id, "price": self.price(new), "quantity": 1}],
                                      "proration_behavior": "always_invoice", "expand": ["latest_invoice"]})
                self.assertEqual([line.amount for line in changed.latest_invoice.lines.data], [credit, debit])
