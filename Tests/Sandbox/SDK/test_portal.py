"""The billing portal: configurations, and sessions that a customer is sent to."""

import urllib.request

import stripe

from support import Story

FEATURES = {
    "invoice_history": {"enabled": True}, "payment_method_update": {"enabled": True},
    "customer_update": {"enabled": True, "allowed_updates": ["email", "address"]},
    "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
}


class Portal(Story):
    def configuration(self, **params):
        return self.stripe.billing_portal.configurations.create(
            {"features": FEATURES, "business_profile": {"headline": "Widgets"}, **params})

    def test_configurations_created_retrieved_updated_and_listed(self):
        since = self.mark()
        made = self.configuration(default_return_url="https://example.com/account", metadata={"k": "v"})
        self.assertFields(
            made, object="billing_portal.configuration", active=True, business_profile__headline="Widgets",
            default_return_url="https://example.com/account", features__subscription_cancel__enabled=True,
            features__subscription_cancel__mode="at_period_end", features__subscription_update__enabled=False,
            features__customer_update__enabled=True, metadata__k="v")
        self.assertEqual(self.stripe.billing_portal.configurations.retrieve(made.id).to_dict(), made.to_dict())
        changed = self.stripe.billing_portal.configurations.update(
            made.id, {"active": False, "business_profile": {"headline": "Gadgets"}})
        self.assertFields(changed, active=False, business_profile__headline="Gadgets")
        listed = self.stripe.billing_portal.configurations.list({"active": False, "limit": 100})
        self.assertIn(made.id, [each.id for each in listed.data])
        self.assertEqual(
            self.types(since, made.id), ["billing_portal.configuration.created", "billing_portal.configuration.updated"])

    def test_a_session_is_a_page(self):
        buyer, configuration = self.customer(), self.configuration()
        session = self.stripe.billing_portal.sessions.create(
            {"customer": buyer, "return_url": "https://example.com/account", "configuration": configuration.id})
        self.assertFields(
            session, object="billing_portal.session", customer=buyer, configuration=configuration.id,
            return_url="https://example.com/account", livemode=False, flow=None, on_behalf_of=None)
        with urllib.request.urlopen(session.url, timeout=30) as page:
            self.assertIn("text/html", page.headers["Content-Type"])
            self.assertIn(b"https://example.com/account", page.read())

    def test_a_session_for_one_purpose(self):
        buyer = self.customer()
        subscription = self.subscribe(buyer, self.price(1000))
        session = self.stripe.billing_portal.sessions.create(
            {"customer": buyer, "configuration": self.configuration().id,
             "flow_data": {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id},
                           "after_completion": {"type": "redirect", "redirect": {"return_url": "https://example.com/bye"}}}})
        self.assertFields(
            session.flow, type="subscription_cancel", subscription_cancel__subscription=subscription.id,
            after_completion__type="redirect", after_completion__redirect__return_url="https://example.com/bye")

    def test_a_session_needs_somebody(self):
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.billing_portal.sessions.create({})
        self.assertEqual(refusal.exception.http_status, 400)
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.billing_portal.sessions.create({"customer": "cus_none"})
        self.assertEqual(refusal.exception.code, "resource_missing")
