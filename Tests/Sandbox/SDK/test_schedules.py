"""Subscription schedules: changes that wait for their day."""

import stripe

from support import DAY, HOUR, Story


class Schedules(Story):
    def phase(self, price, quantity=1, **params):
        return {"items": [{"price": price, "quantity": quantity}], **params}

    def later(self, **params):
        """A schedule that begins in ten days."""
        start = self.now() + 10 * DAY
        price = self.price(1000)
        schedule = self.stripe.subscription_schedules.create(
            {"customer": self.customer(), "start_date": start, "end_behavior": "release",
             "phases": [self.phase(price, duration={"interval": "month", "interval_count": 3})], **params})
        return schedule, start, price

    def test_created_retrieved_listed_and_begun(self):
        since = self.mark()
        schedule, start, price = self.later(metadata={"k": "v"})
        self.assertFields(
            schedule, object="subscription_schedule", status="not_started", subscription=None, current_phase=None,
            end_behavior="release", metadata__k="v", released_at=None, canceled_at=None, completed_at=None)
        phase, = schedule.phases
        self.assertEqual(phase.start_date, start)
        self.assertTrue(89 * DAY <= phase.end_date - phase.start_date <= 92 * DAY)
        self.assertEqual((phase["items"][0].price, phase["items"][0].quantity), (price, 1))
        self.assertEqual(self.stripe.subscription_schedules.retrieve(schedule.id).to_dict(), schedule.to_dict())
        listed = self.stripe.subscription_schedules.list({"customer": schedule.customer})
        self.assertEqual([each.id for each in listed.data], [schedule.id])
        self.assertEqual(self.types(since, schedule.id), ["subscription_schedule.created"])
        self.advance(to=start + 60)
        begun = self.stripe.subscription_schedules.retrieve(schedule.id, {"expand": ["subscription"]})
        self.assertFields(
            begun, status="active", subscription__status="active", subscription__schedule=schedule.id,
            current_phase__start_date=start, current_phase__end_date=phase.end_date)

    def test_a_downgrade_at_the_end_of_the_period(self):
        buyer, small = self.customer(), self.price(500)
        subscription = self.subscribe(buyer, self.price(2000))
        item, = subscription["items"].data
        schedule = self.stripe.subscription_schedules.create({"from_subscription": subscription.id})
        self.assertFields(schedule, status="active", subscription=subscription.id)
        phase, = schedule.phases
        self.assertEqual((phase.start_date, phase.end_date), (item.current_period_start, item.current_period_end))
        updated = self.stripe.subscription_schedules.update(
            schedule.id,
            {"end_behavior": "release",
             "phases": [self.phase(item.price.id, start_date=phase.start_date, end_date=phase.end_date),
                        self.phase(small, duration={"interval": "month", "interval_count": 1})]})
        self.assertEqual(len(updated.phases), 2)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).schedule, schedule.id)
        self.advance(to=item.current_period_end + HOUR + 60)
        changed = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertEqual(changed["items"].data[0].price.id, small)
        self.assertFields(self.invoice_of(subscription), status="paid", total=500, billing_reason="subscription_cycle")
        self.advance(to=changed["items"].data[0].current_period_end + HOUR + 60)
        released = self.stripe.subscription_schedules.retrieve(schedule.id)
        self.assertFields(released, status="released", released_subscription=subscription.id, subscription=None)
        kept = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(kept, status="active", schedule=None)

    def test_the_end_may_cancel(self):
        schedule, start, _ = self.later(end_behavior="cancel")
        self.advance(to=start + 60)
        begun = self.stripe.subscription_schedules.retrieve(schedule.id)
        since = self.mark()
        self.advance(to=begun.current_phase.end_date + 60)
        done = self.stripe.subscription_schedules.retrieve(schedule.id)
        self.assertEqual(done.status, "completed")
        self.assertIsNotNone(done.completed_at)
        self.assertEqual(self.stripe.subscriptions.retrieve(begun.subscription).status, "canceled")
        self.assertIn("subscription_schedule.completed", self.types(since, schedule.id))

    def test_released_by_hand(self):
        subscription = self.subscribe(self.customer(), self.price(1000))
        schedule = self.stripe.subscription_schedules.create({"from_subscription": subscription.id})
        since = self.mark()
        released = self.stripe.subscription_schedules.release(schedule.id)
        self.assertFields(released, status="released", released_subscription=subscription.id)
        self.assertFields(self.stripe.subscriptions.retrieve(subscription.id), schedule=None, status="active")
        self.assertIn("subscription_schedule.released", self.types(since, schedule.id))
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.subscription_schedules.release(schedule.id)

    def test_canceled_by_hand(self):
        subscription = self.subscribe(self.customer(), self.price(1000))
        schedule = self.stripe.subscription_schedules.create({"from_subscription": subscription.id})
        since = self.mark()
        canceled = self.stripe.subscription_schedules.cancel(schedule.id, {"prorate": False})
        self.assertEqual(canceled.status, "canceled")
        self.assertIsNotNone(canceled.canceled_at)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "canceled")
        self.assertIn("subscription_schedule.canceled", self.types(since, schedule.id))

    def test_one_that_has_not_begun_is_canceled_without_a_trace(self):
        schedule, start, _ = self.later()
        self.assertEqual(self.stripe.subscription_schedules.cancel(schedule.id).status, "canceled")
        self.advance(to=start + 60)
        self.assertEqual(
            self.stripe.subscriptions.list({"customer": schedule.customer, "status": "all"}).data, [])

    def test_what_does_not_fit_together(self):
        subscription = self.subscribe(self.customer(), self.price(1000))
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.subscription_schedules.create(
                {"from_subscription": subscription.id, "phases": [self.phase(self.price(1))]})
        self.stripe.subscription_schedules.create({"from_subscription": subscription.id})
        with self.assertRaises(stripe.InvalidRequestError):
            self.stripe.subscription_schedules.create({"from_subscription": subscription.id})
        with self.refused(status=404, code="resource_missing", param="schedule"):
            self.stripe.subscription_schedules.retrieve("sub_sched_none")
