"""Webhooks: endpoints, what they want, and deliveries that the SDK takes for Stripe's."""

import json

import stripe

from receiver import Receiver
from support import Story


class Webhooks(Story):
    def endpoint(self, receiver, *types, **params):
        endpoint = self.stripe.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": list(types) or ["*"], **params})
        self.addCleanup(self.drop, endpoint.id)
        return endpoint

    def drop(self, endpoint):
        try:
            self.stripe.webhook_endpoints.delete(endpoint)
        except stripe.InvalidRequestError:
            pass

    def events_of(self, receiver, secret, count):
        """The first deliveries as events, each by its signature."""
        deliveries = receiver.wait(lambda received: len(received) >= count)
        return [
            stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret, tolerance=None)
            for headers, body in deliveries]

    def test_a_delivery_is_signed_and_holds_the_event(self):
        with Receiver() as receiver:
            endpoint = self.endpoint(receiver, "customer.created")
            self.assertTrue(endpoint.secret.startswith("whsec_"))
            customer = self.customer(paying=None)
            event, = self.events_of(receiver, endpoint.secret, 1)
            self.assertFields(event, type="customer.created", data__object__id=customer, livemode=False)
            headers, body = receiver.received[0]
            self.assertEqual(headers["Content-Type"], "application/json; charset=utf-8")
            self.assertTrue(headers["User-Agent"].startswith("Stripe/1.0"))
            stored = self.stripe.events.retrieve(event.id)
            self.assertEqual(stored.data.object.id, customer)
            self.assertEqual(json.loads(body)["object"], "event")
            parsed = self.whole.construct_event(body, headers["Stripe-Signature"], endpoint.secret, tolerance=None)
            self.assertEqual(parsed.id, event.id)

    def test_a_forged_delivery_is_not_taken(self):
        with Receiver() as receiver:
            endpoint = self.endpoint(receiver, "customer.created")
            self.customer(paying=None)
            (headers, body), = receiver.wait(lambda received: received)
            signature = headers["Stripe-Signature"]
            for forged in [(body + b" ", signature, endpoint.secret), (body, signature, "whsec_other"),
                           (body, "t=1," + signature.split(",", 1)[1], endpoint.secret)]:
                with self.assertRaises(stripe.SignatureVerificationError):
                    stripe.Webhook.construct_event(*forged, tolerance=None)

    def test_an_endpoint_hears_what_it_asked_for(self):
        with Receiver() as some, Receiver() as every:
            wanted = self.endpoint(some, "invoice.paid", "customer.subscription.created")
            all_ = self.endpoint(every)
            buyer = self.customer()
            self.subscribe(buyer, self.price(700))
            heard = self.events_of(some, wanted.secret, 2)
            self.assertEqual(sorted(e.type for e in heard), ["customer.subscription.created", "invoice.paid"])
            types = {event.type for event in self.events_of(every, all_.secret, 12)}
            self.assertTrue(types >= {"customer.created", "payment_method.attached", "charge.succeeded"}, types)
            self.assertEqual(len(some.received), 2)

    def test_what_is_refused_comes_again(self):
        with Receiver(refuse=1) as receiver:
            endpoint = self.endpoint(receiver, "product.created")
            self.product("Again")
            event, = self.events_of(receiver, endpoint.secret, 1)
            self.assertEqual(event.data.object.name, "Again")
            self.assertEqual(json.loads(receiver.refused[0][1])["id"], event.id)

    def test_pending_webhooks_are_counted(self):
        with Receiver() as receiver:
            endpoint = self.endpoint(receiver, "product.created")
            since = self.mark()
            product = self.product("Counted")
            self.events_of(receiver, endpoint.secret, 1)
            event, = self.events(since, product)
            receiver.wait(lambda _: self.stripe.events.retrieve(event.id).pending_webhooks == 0)

    def test_an_endpoint_is_changed_disabled_and_deleted(self):
        with Receiver() as receiver:
            endpoint = self.endpoint(receiver, "product.created", description="First", metadata={"team": "blue"})
            self.assertFields(
                endpoint, status="enabled", description="First", enabled_events=["product.created"], application=None)
            found = self.stripe.webhook_endpoints.retrieve(endpoint.id)
            self.assertIsNone(getattr(found, "secret", None), "the secret is shown once")
            self.assertIn(endpoint.id, [each.id for each in self.stripe.webhook_endpoints.list().auto_paging_iter()])
            changed = self.stripe.webhook_endpoints.update(
                endpoint.id, {"enabled_events": ["product.deleted"], "description": "Second", "disabled": True})
            self.assertFields(changed, status="disabled", description="Second", enabled_events=["product.deleted"])
            self.stripe.products.delete(self.product())
            self.stripe.webhook_endpoints.update(endpoint.id, {"disabled": False})
            last = self.product("Last")
            self.stripe.products.delete(last)
            event, = self.events_of(receiver, endpoint.secret, 1)
            self.assertEqual(event.data.object.id, last)
            self.stripe.webhook_endpoints.delete(endpoint.id)
            with self.refused(status=404, code="resource_missing", param="webhook_endpoint"):
                self.stripe.webhook_endpoints.retrieve(endpoint.id)

    def test_an_endpoint_needs_an_address_and_a_wish(self):
        with self.refused(code="url_invalid", param="url"):
            self.stripe.webhook_endpoints.create({"url": "nowhere", "enabled_events": ["*"]})
        with self.refused(code="parameter_missing", param="enabled_events"):
            self.stripe.webhook_endpoints.create({"url": "http://127.0.0.1:9/"})

    def test_events_are_listed_by_type(self):
        since = self.mark()
        product = self.product("Listed")
        self.stripe.products.update(product, {"name": "Listed twice"})
        listed = self.stripe.events.list({"type": "product.*", "ending_before": since})
        self.assertEqual({event.type for event in listed.data}, {"product.created", "product.updated"})
        listed = self.stripe.events.list({"types": ["product.updated", "charge.refunded"], "ending_before": since})
        update, = listed.data
        self.assertFields(
            update, type="product.updated", api_version="2026-10-28.endive", data__object__name="Listed twice",
            data__previous_attributes__name="Listed")
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.events.retrieve("evt_none")
