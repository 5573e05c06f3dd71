"""Coupons and promotion codes as things of the catalogue."""

from support import DAY, Story, unique


class Coupons(Story):
    def test_created_retrieved_updated_listed_and_deleted(self):
        since = self.mark()
        coupon = self.stripe.coupons.create(
            {"percent_off": 25.5, "duration": "repeating", "duration_in_months": 3, "name": "Spring", "metadata": {"k": "v"},
             "max_redemptions": 5})
        self.assertFields(
            coupon, object="coupon", percent_off=25.5, amount_off=None, currency=None, duration="repeating",
            duration_in_months=3, name="Spring", times_redeemed=0, valid=True, max_redemptions=5, redeem_by=None)
        self.assertEqual(self.stripe.coupons.retrieve(coupon.id).to_dict(), coupon.to_dict())
        updated = self.stripe.coupons.update(coupon.id, {"name": "Summer", "metadata": {"k": ""}})
        self.assertFields(updated, name="Summer", percent_off=25.5)
        self.assertEqual(updated.metadata.to_dict(), {})
        self.assertIn(coupon.id, [each.id for each in self.stripe.coupons.list({"limit": 3}).data])
        self.stripe.coupons.delete(coupon.id)
        self.assertEqual(self.types(since, coupon.id), ["coupon.created", "coupon.updated", "coupon.deleted"])

    def test_an_amount_off_with_an_id_of_ones_own(self):
        id_ = unique("FIVE")
        coupon = self.stripe.coupons.create({"id": id_, "amount_off": 500, "currency": "usd", "duration": "forever"})
        self.assertFields(coupon, id=id_, amount_off=500, currency="usd", percent_off=None)
        with self.refused(code="resource_already_exists", param="id") as refusal:
            self.stripe.coupons.create({"id": id_, "percent_off": 5, "duration": "once"})
        self.assertEqual(refusal.message, "Coupon already exists.")

    def test_for_some_products(self):
        product = self.product()
        coupon = self.stripe.coupons.create(
            {"percent_off": 10, "duration": "once", "applies_to": {"products": [product]}, "expand": ["applies_to"]})
        self.assertEqual(coupon.applies_to.products, [product])
        self.assertIsNone(getattr(self.stripe.coupons.retrieve(coupon.id), "applies_to", None))

    def test_what_does_not_fit_together(self):
        for params, message in [
            ({"duration": "once"}, "Must provide percent_off or amount_off."),
            ({"percent_off": 5, "amount_off": 5, "currency": "usd", "duration": "once"},
             "Received both percent_off and amount_off parameters. Please pass in only one."),
            ({"amount_off": 5, "duration": "once"}, "You must pass currency when passing amount_off"),
            ({"percent_off": 5, "duration": "repeating"},
             "The duration_in_months param must be set when creating a coupon with a repeating duration"),
        ]:
            with self.subTest(message), self.assertRaises(Exception) as refusal:
                self.stripe.coupons.create(params)
            self.assertEqual((refusal.exception.http_status, refusal.exception.user_message), (400, message))


class PromotionCodes(Story):
    def coupon(self):
        return self.stripe.coupons.create({"percent_off": 10, "duration": "once"}).id

    def create(self, code, coupon=None, **params):
        return self.stripe.promotion_codes.create(
            {"promotion": {"type": "coupon", "coupon": coupon or self.coupon()}, "code": code, **params})

    def test_created_retrieved_updated_and_listed(self):
        word, coupon, customer = unique("SPRING").upper(), self.coupon(), self.customer(paying=None)
        since = self.mark()
        code = self.create(
            word, coupon, customer=customer, max_redemptions=3, expires_at=self.now() + 30 * DAY, metadata={"k": "v"},
            restrictions={"first_time_transaction": True, "minimum_amount": 1000, "minimum_amount_currency": "usd"})
        self.assertFields(
            code, object="promotion_code", code=word, active=True, promotion__type="coupon", promotion__coupon=coupon,
            customer=customer, max_redemptions=3, times_redeemed=0, restrictions__first_time_transaction=True,
            restrictions__minimum_amount=1000)
        self.assertEqual(self.stripe.promotion_codes.retrieve(code.id).to_dict(), code.to_dict())
        full = self.stripe.promotion_codes.retrieve(code.id, {"expand": ["promotion.coupon"]})
        self.assertEqual(full.promotion.coupon.percent_off, 10)
        self.assertEqual([c.id for c in self.stripe.promotion_codes.list({"code": word}).data], [code.id])
        self.assertEqual([c.id for c in self.stripe.promotion_codes.list({"coupon": coupon}).data], [code.id])
        idle = self.stripe.promotion_codes.update(code.id, {"active": False, "metadata": {"k": "w"}})
        self.assertFields(idle, active=False, metadata__k="w")
        self.assertEqual(self.stripe.promotion_codes.list({"code": word, "active": True}).data, [])
        self.assertEqual(self.types(since, code.id), ["promotion_code.created", "promotion_code.updated"])

    def test_one_active_code_of_a_name(self):
        word = unique("ONCE").upper()
        first = self.create(word)
        with self.refused() as refusal:
            self.create(word.lower())
        self.assertIn("An active promotion code with `code: ", refusal.message)
        self.stripe.promotion_codes.update(first.id, {"active": False})
        self.create(word)

    def test_a_code_makes_itself(self):
        code = self.stripe.promotion_codes.create({"promotion": {"type": "coupon", "coupon": self.coupon()}})
        self.assertRegex(code.code, "^[A-Z0-9]{8}$")
        with self.refused(code="resource_missing", param="promotion[coupon]"):
            self.create(unique("LOST"), "NONE")
