"""Refusals: type, code, param, status and words, as Stripe's."""

import stripe

import support
from support import DAY, Story


class Errors(Story):
    def assertEnvelope(self, error):
        """What every error of Stripe's holds."""
        body = error.json_body["error"]
        self.assertTrue(error.request_id.startswith("req_"))
        self.assertIn(body["type"], ("invalid_request_error", "card_error", "idempotency_error", "api_error"))
        self.assertTrue(body["message"])
        if "code" in body:
            self.assertIn("doc_url", body)
        self.assertNotIn(None, body.values(), "what is null is left out")

    def raw(self, method, path, **params):
        return self.whole.raw_request(method, path, **params)

    def test_unknown_parameters(self):
        customers = self.stripe.customers
        with self.refused(code="parameter_unknown", param="nickname") as refusal:
            customers.create({"nickname": "J"})
        self.assertEqual(refusal.message, "Received unknown parameter: nickname")
        self.assertEnvelope(refusal.caught)
        with self.refused(code="parameter_unknown", param="items[0][foo]") as refusal:
            self.subscribe(self.customer(), items=[{"foo": "1"}])
        self.assertEqual(refusal.message, "Received unknown parameter: items[0][foo]")
        with self.refused(code="parameter_unknown", param="foo"):
            customers.list({"foo": "bar"})

    def test_wrong_types(self):
        with self.refused(code="parameter_invalid_integer", param="limit") as refusal:
            self.stripe.customers.list({"limit": "many"})
        self.assertEqual(refusal.message, "Invalid integer: many")
        with self.assertRaises(stripe.InvalidRequestError) as wrong:
            self.stripe.products.create({"name": "P", "active": "perhaps"})
        self.assertEqual((wrong.exception.http_status, wrong.exception.param), (400, "active"))
        with self.refused(param="tax_exempt") as refusal:
            self.stripe.customers.create({"tax_exempt": "maybe"})
        self.assertEqual(refusal.message, "Invalid tax_exempt: must be one of none, reverse, or exempt")
        for params in [{"metadata": "x"}, {"address": "x"}, {"name": {"first": "J"}}, {"preferred_locales": "en"}]:
            with self.subTest(params), self.assertRaises(stripe.InvalidRequestError) as wrong:
                self.stripe.customers.create(params)
            self.assertEqual((wrong.exception.http_status, wrong.exception.param), (400, next(iter(params))))

    def test_missing_parameters(self):
        for service, params, missing in [
            (self.stripe.products, {}, "name"), (self.stripe.prices, {"unit_amount": 1}, "currency"),
            (self.stripe.payment_intents, {"currency": "usd"}, "amount"),
        ]:
            with self.subTest(missing), self.refused(code="parameter_missing", param=missing) as refusal:
                service.create(params)
            self.assertEqual(refusal.message, f"Missing required param: {missing}.")
            self.assertEnvelope(refusal.caught)

    def test_resources_that_are_not_there(self):
        for service, id_, noun, param in [
            (self.stripe.customers, "cus_none", "customer", "id"),
            (self.stripe.payment_methods, "pm_none", "PaymentMethod", "payment_method"),
            (self.stripe.payment_intents, "pi_none", "payment_intent", "intent"),
            (self.stripe.setup_intents, "seti_none", "setupintent", "intent"),
            (self.stripe.subscriptions, "sub_none", "subscription", "id"),
            (self.stripe.prices, "price_none", "price", "price"),
            (self.stripe.products, "prod_none", "product", "id"),
            (self.stripe.invoices, "in_none", "invoice", "invoice"),
            (self.stripe.coupons, "NONE", "coupon", "coupon"),
            (self.stripe.promotion_codes, "promo_none", "promotion code", "promotion_code"),
            (self.stripe.charges, "ch_none", "charge", "id"),
        ]:
            with self.subTest(noun), self.refused(status=404, code="resource_missing", param=param) as refusal:
                service.retrieve(id_)
            self.assertEqual(refusal.message, f"No such {noun}: '{id_}'")
            self.assertEnvelope(refusal.caught)
        with self.refused(status=404) as refusal:
            self.stripe.subscription_items.retrieve("si_none")
        self.assertEqual(refusal.message, "Invalid subscription_item id: si_none")

    def test_resources_that_parameters_name(self):
        buyer = self.customer()
        with self.refused(code="resource_missing", param="items[0][price]") as refusal:
            self.subscribe(buyer, "price_none")
        self.assertEqual(refusal.message, "No such price: 'price_none'")
        with self.refused(code="resource_missing", param="product"):
            self.price(100, product="prod_none")
        with self.refused(status=404, code="resource_missing", param="customer"):
            self.subscribe("cus_none", self.price(100))

    def test_keys(self):
        with self.refused(stripe.AuthenticationError, 401) as refusal:
            support.client("rubbish").v1.customers.list()
        self.assertIn("Invalid API Key provided", refusal.message)
        with self.assertRaises(stripe.StripeError) as refusal:
            support.client("sk_live_1234567890abcdef").v1.customers.list()
        self.assertEqual(refusal.exception.http_status, 401)
        self.assertEnvelope(refusal.exception)

    def test_urls_that_lead_nowhere(self):
        for method, path in [("get", "/v1/nothing"), ("delete", "/v1/customers"), ("post", "/v1/events/evt_1")]:
            with self.subTest(path), self.refused(status=404) as refusal:
                self.raw(method, path)
            self.assertTrue(
                refusal.message.startswith(f"Unrecognized request URL ({method.upper()}: {path})."), refusal.message)

    def test_what_excludes_itself(self):
        with self.refused(param="product") as refusal:
            self.price(100, product=self.product(), product_data={"name": "P"})
        self.assertEqual(refusal.message, "You may only specify one of these parameters: product, product_data.")
        buyer = self.customer()
        with self.refused(param="trial_end") as refusal:
            self.subscribe(buyer, self.price(100), trial_end=1)
        self.assertEqual(
            refusal.message,
            "The parameter `trial_end` expects a unix timestamp representing a date and time in the future. You specified "
            "the value `1` which is in the past.")
        with self.refused():
            self.subscribe(buyer, self.price(100), trial_end=self.now() + DAY, trial_period_days=3)

    def test_currencies(self):
        with self.refused(param="currency") as refusal:
            self.price(100, currency="xyz")
        self.assertTrue(refusal.message.startswith("Invalid currency: xyz. Stripe currently supports these currencies: "))
        with self.refused() as refusal:
            self.subscribe(self.customer(), self.price(100), self.price(100, currency="eur"))
        self.assertIn("All items must have pricing in the same currency", refusal.message)

    def test_a_price_twice(self):
        price = self.price(100)
        buyer = self.customer()
        with self.refused(param="plan") as refusal:
            self.subscribe(buyer, price, price)
        self.assertIn("Cannot create a Subscription with multiple Subscription Items with the same Price", refusal.message)

    def test_states(self):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(1000))
        with self.refused() as refusal:
            self.stripe.invoices.pay(subscription.latest_invoice)
        self.assertEqual(refusal.message, "Invoice is already paid")
        with self.refused() as refusal:
            self.stripe.invoices.finalize_invoice(subscription.latest_invoice)
        self.assertIn("already finalized", refusal.message)
        intent = self.intent_of(subscription.latest_invoice)
        with self.refused(code="payment_intent_unexpected_state") as refusal:
            self.stripe.payment_intents.cancel(intent.id)
        self.assertIn("because it has a status of succeeded", refusal.message)
        self.assertEqual(refusal.caught.error.payment_intent.id, intent.id)
        with self.refused(code="payment_intent_unexpected_state"):
            self.stripe.payment_intents.confirm(intent.id)
        with self.refused() as refusal:
            self.stripe.subscriptions.resume(subscription.id)
        self.assertEqual(refusal.message, "You can only resume a subscription if it is `paused`.")

    def test_faults_are_what_they_were_ordered_as(self):
        support.sandbox("POST", "/sandbox/faults", method="GET", path="/v1/balance", status=429, code="rate_limit")
        with self.refused(stripe.RateLimitError, 429, "rate_limit"):
            self.stripe.balance.retrieve()
        support.sandbox(
            "POST", "/sandbox/faults", method="GET", path="/v1/events", body="<html>Bad gateway</html>", status=502)
        with self.assertRaises(stripe.APIError) as refusal:
            self.stripe.events.list()
        self.assertEqual(refusal.exception.http_status, 502)
