"""What is left of deleted objects, and what they are still good for."""

from support import Story, unique


class Deleted(Story):
    def test_a_customer_leaves_a_stub(self):
        customer = self.customer()
        gone = self.stripe.customers.delete(customer)
        self.assertEqual(gone.to_dict(), {"id": customer, "object": "customer", "deleted": True})
        self.assertEqual(self.stripe.customers.retrieve(customer).to_dict(), gone.to_dict())
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.customers.update(customer, {"name": "Back"})
        with self.refused(status=404, code="resource_missing", param="id"):
            self.stripe.customers.delete(customer)
        with self.refused(status=404, code="resource_missing", param="customer"):
            self.subscribe(customer, self.price(100))

    def test_products_coupons_and_others_are_gone(self):
        product = self.product()
        coupon = self.stripe.coupons.create({"percent_off": 10, "duration": "once"}).id
        endpoint = self.stripe.webhook_endpoints.create(
            {"url": "http://127.0.0.1:9/nowhere", "enabled_events": ["charge.refunded"]}).id
        item = self.stripe.invoice_items.create({"customer": self.customer(), "amount": 100, "currency": "usd"}).id
        for service, id_, kind in [
            (self.stripe.products, product, "product"), (self.stripe.coupons, coupon, "coupon"),
            (self.stripe.webhook_endpoints, endpoint, "webhook_endpoint"),
            (self.stripe.invoice_items, item, "invoiceitem"),
        ]:
            with self.subTest(kind):
                self.assertEqual(service.delete(id_).to_dict(), {"id": id_, "object": kind, "deleted": True})
                with self.assertRaises(Exception) as refusal:
                    service.retrieve(id_)
                self.assertEqual(refusal.exception.http_status, 404)

    def test_a_product_with_prices_stays(self):
        price = self.stripe.prices.retrieve(self.price(1000))
        with self.refused() as refusal:
            self.stripe.products.delete(price.product)
        self.assertIn("cannot be deleted because it has one or more user-created prices", refusal.message)

    def test_the_event_holds_the_last_of_it(self):
        coupon = unique("GONE")
        self.stripe.coupons.create({"id": coupon, "percent_off": 10, "duration": "once"})
        since = self.mark()
        self.stripe.coupons.delete(coupon)
        event, = self.events(since, coupon)
        self.assertEqual(event.type, "coupon.deleted")
        self.assertFields(event.data.object, id=coupon, percent_off=10, valid=False)
        self.assertFalse(hasattr(event.data, "previous_attributes"))

    def test_an_item_leaves_its_subscription(self):
        keep, drop = self.price(1000), self.price(500)
        subscription = self.subscribe(self.customer(), keep, drop)
        item = next(i for i in subscription["items"].data if i.price.id == drop)
        gone = self.stripe.subscription_items.delete(item.id)
        self.assertEqual(gone.to_dict(), {"id": item.id, "object": "subscription_item", "deleted": True})
        left = self.stripe.subscription_items.list({"subscription": subscription.id}).data
        self.assertEqual([i.price.id for i in left], [keep])
        with self.assertRaises(Exception) as refusal:
            self.stripe.subscription_items.delete(left[0].id)
        self.assertEqual(refusal.exception.http_status, 400)
