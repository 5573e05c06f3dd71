"""What every request and every answer carries: ids, versions, keys in two forms, forms in two spellings."""

import base64
import json
import urllib.request

import stripe

import support
from support import Story


class Requests(Story):
    def fetch(self, path, data=None, **headers):
        """A request as other clients write it."""
        headers = {"Authorization": f"Bearer {support.KEY}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        request = urllib.request.Request(support.URL + path, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.headers, json.loads(answer.read())

    def test_every_answer_has_an_id(self):
        first = self.stripe.customers.list({"limit": 1}).last_response
        second = self.stripe.customers.list({"limit": 1}).last_response
        self.assertTrue(first.request_id.startswith("req_"))
        self.assertNotEqual(first.request_id, second.request_id)
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.customers.retrieve("cus_none")
        self.assertTrue(refusal.exception.request_id.startswith("req_"))
        self.assertIn(refusal.exception.request_id, refusal.exception.json_body["error"]["request_log_url"])

    def test_the_version_is_echoed(self):
        answer = self.stripe.customers.list({"limit": 1}).last_response
        self.assertEqual(answer.headers["Stripe-Version"], stripe.api_version or "2026-10-28.endive")
        headers, _ = self.fetch("/v1/customers", Stripe_Version="2026-08-26.dahlia")
        self.assertEqual(headers["Stripe-Version"], "2026-08-26.dahlia")
        headers, _ = self.fetch("/v1/customers")
        self.assertTrue(headers["Stripe-Version"])

    def test_a_key_as_a_user_name(self):
        basic = base64.b64encode(f"{support.KEY}:".encode()).decode()
        _, body = self.fetch("/v1/customers?limit=1", Authorization=f"Basic {basic}")
        self.assertEqual(body["object"], "list")

    def test_forms_in_every_spelling(self):
        for form in [b"name=A+B&metadata[k]=v&preferred_locales[0]=en&preferred_locales[1]=fr",
                     b"name=A%20B&metadata%5Bk%5D=v&preferred_locales%5B%5D=en&preferred_locales%5B%5D=fr"]:
            _, body = self.fetch("/v1/customers", data=form)
            self.addCleanup(self.forget, body["id"])
            self.assertEqual((body["name"], body["metadata"], body["preferred_locales"]), ("A B", {"k": "v"}, ["en", "fr"]))

    def test_everything_is_of_test_mode(self):
        self.assertFalse(self.stripe.customers.retrieve(self.customer()).livemode)
        self.assertFalse(self.stripe.prices.list({"limit": 1}).data[0].livemode)

    def test_resources_of_the_older_kind(self):
        """The SDK without a client: module-wide settings, and methods on objects."""
        stripe.api_key, stripe.api_base = support.KEY, support.URL
        self.addCleanup(setattr, stripe, "api_key", None)
        self.addCleanup(setattr, stripe, "api_base", "https://api.stripe.com")
        customer = stripe.Customer.create(email="older@example.com")
        self.addCleanup(self.forget, customer.id)
        stripe.Customer.modify(customer.id, name="Older")
        customer.refresh()
        self.assertEqual(customer.name, "Older")
        method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
        methods = stripe.Customer.list_payment_methods(customer.id).auto_paging_iter()
        self.assertEqual([each.id for each in methods], [method.id])
        intent = stripe.PaymentIntent.create(
            amount=500, currency="usd", customer=customer.id, payment_method=method.id, confirm=True, off_session=True)
        self.assertEqual(intent.status, "succeeded")
        self.assertTrue(customer.delete().deleted)
