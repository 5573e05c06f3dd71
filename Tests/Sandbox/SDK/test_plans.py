"""Plans: recurring prices in their older words."""

from decimal import Decimal

from support import HOUR, Story, unique


class Plans(Story):
    def plan(self, **params):
        """A plan of a product of its own; None leaves a parameter out."""
        whole = {"currency": "usd", "interval": "month", "amount": 900, "product": {"name": "Gold"}, **params}
        return self.stripe.plans.create({name: value for name, value in whole.items() if value is not None})

    def test_created_retrieved_and_updated(self):
        since = self.mark()
        plan = self.plan(nickname="Monthly", interval_count=2, metadata={"k": "v"})
        self.assertFields(
            plan, object="plan", active=True, amount=900, amount_decimal=Decimal(900), billing_scheme="per_unit",
            currency="usd", interval="month", interval_count=2, nickname="Monthly", metadata__k="v", meter=None,
            tiers_mode=None, transform_usage=None, trial_period_days=None, usage_type="licensed")
        self.assertEqual(self.stripe.plans.retrieve(plan.id).to_dict(), plan.to_dict())
        self.assertEqual(self.stripe.plans.retrieve(plan.id, {"expand": ["product"]}).product.name, "Gold")
        other = self.product("Silver")
        updated = self.stripe.plans.update(
            plan.id, {"nickname": "Old", "active": False, "metadata": {"k": "w"}, "trial_period_days": 7, "product": other})
        self.assertFields(
            updated, nickname="Old", active=False, metadata__k="w", trial_period_days=7, product=other, amount=900)
        self.assertEqual(
            sorted(event.type for event in self.events(since, plan.id)),
            ["plan.created", "plan.updated", "price.created", "price.updated"])

    def test_a_plan_is_a_price_and_a_price_is_a_plan(self):
        plan = self.plan(id=unique("plan"), transform_usage={"divide_by": 10, "round": "up"})
        price = self.stripe.prices.retrieve(plan.id)
        self.assertFields(
            price, unit_amount=900, recurring__interval="month", product=plan.product, transform_quantity__divide_by=10)
        self.assertFields(self.stripe.plans.retrieve(self.price(700, "year")), amount=700, interval="year")
        tiered = self.plan(
            amount=None, billing_scheme="tiered", tiers_mode="volume",
            tiers=[{"up_to": 5, "unit_amount": 700}, {"up_to": "inf", "unit_amount": 600}])
        self.assertFields(tiered, amount=None, tiers_mode="volume")
        full = self.stripe.plans.retrieve(tiered.id, {"expand": ["tiers"]})
        self.assertEqual([tier.unit_amount for tier in full.tiers], [700, 600])

    def test_subscribed_to(self):
        plan = self.plan()
        subscription = self.stripe.subscriptions.create(
            {"customer": self.customer(), "items": [{"plan": plan.id}], "expand": ["latest_invoice"]})
        self.assertFields(subscription, status="active", latest_invoice__amount_paid=900)
        self.assertEqual(subscription["items"].data[0].plan.to_dict(), plan.to_dict())

    def test_listed_by_product(self):
        product = self.product()
        plans = [self.plan(product=product, amount=amount).id for amount in (100, 200, 300)]
        self.stripe.prices.create({"currency": "usd", "unit_amount": 1, "product": product})
        self.stripe.plans.update(plans[0], {"active": False})
        page = self.stripe.plans.list({"product": product, "limit": 2})
        self.assertEqual([plan.id for plan in page.auto_paging_iter()], plans[::-1])
        active = self.stripe.plans.list({"product": product, "active": True})
        self.assertEqual([plan.id for plan in active.data], [plans[2], plans[1]])

    def test_deleted_for_good_but_not_for_subscribers(self):
        plan = self.plan()
        subscription = self.subscribe(self.customer(), plan.id)
        since = self.mark()
        self.assertFields(self.stripe.plans.delete(plan.id), id=plan.id, object="plan", deleted=True)
        self.assertEqual(
            sorted(event.type for event in self.events(since, plan.id)), ["plan.deleted", "price.deleted"])
        with self.refused(status=404, code="resource_missing", param="plan"):
            self.stripe.plans.retrieve(plan.id)
        with self.refused(code="resource_missing", param="items[0][price]"):
            self.stripe.subscriptions.create({"customer": self.customer(), "items": [{"plan": plan.id}]})
        kept = self.stripe.subscriptions.retrieve(subscription.id)
        self.assertFields(kept["items"].data[0], plan__id=plan.id, plan__amount=900, price__id=plan.id)
        self.advance(to=kept["items"].data[0].current_period_end + 2 * HOUR)
        self.assertFields(
            self.invoice_of(subscription), status="paid", amount_paid=900, billing_reason="subscription_cycle")

    def test_refused(self):
        plan = self.plan()
        with self.refused(code="resource_already_exists", param="id"):
            self.plan(id=plan.id)
        with self.refused(status=404, code="resource_missing", param="plan"):
            self.stripe.plans.retrieve("plan_nope")
        once = self.stripe.prices.create({"currency": "usd", "unit_amount": 1, "product": self.product()})
        with self.refused(status=404, code="resource_missing", param="plan"):
            self.stripe.plans.retrieve(once.id)
        with self.refused() as refusal:
            self.plan(amount=None)
        self.assertIn("Plans require an `amount` or `amount_decimal`", str(refusal.caught))
        with self.refused(param="amount") as refusal:
            self.plan(billing_scheme="tiered", tiers_mode="volume", tiers=[{"up_to": "inf", "unit_amount": 1}])
        self.assertIn("`amount`", str(refusal.caught))
        with self.refused(code="parameter_missing", param="product"):
            self.plan(product=None)
        with self.refused(param="interval"):
            self.plan(interval="fortnight")
        with self.refused(code="parameter_unknown", param="amount"):
            self.stripe.plans.update(plan.id, {"amount": 1})
