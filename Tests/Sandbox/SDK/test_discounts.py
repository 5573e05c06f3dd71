"""Coupons at work: on subscriptions, customers and items, for as long as they last."""

import stripe

from support import DAY, HOUR, Story, unique


class Discounts(Story):
    def coupon(self, **params):
        return self.stripe.coupons.create({"duration": "forever", **params}).id

    def renew(self, subscription):
        item = self.stripe.subscriptions.retrieve(subscription.id)["items"].data[0]
        self.advance(to=item.current_period_end + HOUR + 60)
        return self.invoice_of(subscription)

    def test_a_share_off_forever(self):
        coupon = self.coupon(percent_off=25)
        buyer = self.customer()
        since = self.mark()
        subscription = self.subscribe(
            buyer, self.price(2000), discounts=[{"coupon": coupon}], expand=["discounts", "latest_invoice"])
        discount, = subscription.discounts
        self.assertFields(
            discount, object="discount", source__type="coupon", source__coupon=coupon, customer=buyer,
            subscription=subscription.id, end=None, promotion_code=None)
        self.assertFields(subscription.latest_invoice, subtotal=2000, total=1500, amount_paid=1500)
        self.assertEqual(subscription.latest_invoice.total_discount_amounts[0].amount, 500)
        self.assertIn("customer.discount.created", self.types(since, buyer))
        self.assertEqual(self.renew(subscription).total, 1500)
        self.assertEqual(self.stripe.coupons.retrieve(coupon).times_redeemed, 1)

    def test_an_amount_off_once(self):
        coupon = self.coupon(amount_off=500, currency="usd", duration="once")
        subscription = self.subscribe(
            self.customer(), self.price(1000), self.price(2000), discounts=[{"coupon": coupon}],
            expand=["latest_invoice"])
        invoice = subscription.latest_invoice
        self.assertEqual(invoice.total, 2500)
        self.assertEqual([line.discount_amounts[0].amount for line in invoice.lines.data], [166, 334])
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).discounts, [])
        self.assertEqual(self.renew(subscription).total, 3000)

    def test_for_some_months(self):
        coupon = self.coupon(percent_off=50, duration="repeating", duration_in_months=2)
        subscription = self.subscribe(
            self.customer(), self.price(1000), discounts=[{"coupon": coupon}], expand=["discounts", "latest_invoice"])
        discount, = subscription.discounts
        self.assertTrue(57 * DAY < discount.end - discount.start < 63 * DAY)
        totals = [subscription.latest_invoice.total] + [self.renew(subscription).total for _ in range(2)]
        self.assertEqual(totals, [500, 500, 1000])

    def test_by_a_code(self):
        code = self.stripe.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": self.coupon(percent_off=10)}, "code": unique("TEN").upper(),
             "max_redemptions": 1})
        subscription = self.subscribe(
            self.customer(), self.price(1000), discounts=[{"promotion_code": code.id}],
            expand=["discounts", "latest_invoice"])
        self.assertEqual(subscription.latest_invoice.total, 900)
        self.assertEqual(subscription.discounts[0].promotion_code, code.id)
        self.assertEqual(self.stripe.promotion_codes.retrieve(code.id).times_redeemed, 1)
        with self.assertRaises(stripe.InvalidRequestError):
            self.subscribe(self.customer(), self.price(1000), discounts=[{"promotion_code": code.id}])

    def test_several_one_after_the_other(self):
        subscription = self.subscribe(
            self.customer(), self.price(1000),
            discounts=[{"coupon": self.coupon(percent_off=50)}, {"coupon": self.coupon(amount_off=100, currency="usd")}],
            expand=["latest_invoice"])
        self.assertEqual(subscription.latest_invoice.total, 400)

    def test_for_one_product(self):
        product = self.product()
        coupon = self.coupon(percent_off=50, applies_to={"products": [product]})
        subscription = self.subscribe(
            self.customer(), self.price(1000, product=product), self.price(1000), discounts=[{"coupon": coupon}],
            expand=["latest_invoice"])
        self.assertEqual(subscription.latest_invoice.total, 1500)

    def test_on_an_item(self):
        coupon = self.coupon(percent_off=50)
        subscription = self.subscribe(
            self.customer(), items=[{"price": self.price(1000), "discounts": [{"coupon": coupon}]},
                                    {"price": self.price(1000)}], expand=["latest_invoice"])
        self.assertEqual(subscription.latest_invoice.total, 1500)
        self.assertEqual(len(subscription["items"].data[0].discounts), 1)

    def test_given_and_taken_later(self):
        coupon = self.coupon(percent_off=50)
        subscription = self.subscribe(self.customer(), self.price(1000))
        self.stripe.subscriptions.update(subscription.id, {"discounts": [{"coupon": coupon}]})
        self.assertEqual(self.renew(subscription).total, 500)
        since = self.mark()
        gone = self.stripe.subscriptions.delete_discount(subscription.id)
        self.assertFields(gone, object="discount", deleted=True)
        self.assertIn("customer.discount.deleted", self.types(since, subscription.customer))
        self.assertEqual(self.renew(subscription).total, 1000)

    def test_a_customer_without_one_has_none_to_lose(self):
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.stripe.customers.delete_discount(self.customer())
        self.assertEqual(refusal.exception.http_status, 404)

    def test_off_more_than_there_is(self):
        coupon = self.coupon(amount_off=5000, currency="usd")
        subscription = self.subscribe(
            self.customer(), self.price(1000), discounts=[{"coupon": coupon}], expand=["latest_invoice"])
        self.assertFields(subscription.latest_invoice, total=0, amount_due=0, status="paid", ending_balance=0)

    def test_used_up_and_expired(self):
        used = self.coupon(percent_off=50, max_redemptions=1)
        self.subscribe(self.customer(), self.price(1000), discounts=[{"coupon": used}])
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.subscribe(self.customer(), self.price(1000), discounts=[{"coupon": used}])
        self.assertEqual(refusal.exception.code, "coupon_expired")
        old = self.coupon(percent_off=50, redeem_by=self.now() + DAY)
        self.advance(2 * DAY)
        with self.assertRaises(stripe.InvalidRequestError) as refusal:
            self.subscribe(self.customer(), self.price(1000), discounts=[{"coupon": old}])
        self.assertEqual(refusal.exception.code, "coupon_expired")

    def test_a_preview_with_a_coupon(self):
        items = [{"price": self.price(1000), "quantity": 2}]
        preview = self.stripe.invoices.create_preview(
            {"customer": self.customer(), "subscription_details": {"items": items},
             "discounts": [{"coupon": self.coupon(percent_off=25)}]})
        self.assertFields(preview, subtotal=2000, total=1500)
