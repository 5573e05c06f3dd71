"""Payment methods: made, attached, read, changed and detached."""

from support import Story

CARD = {"number": "4242424242424242", "exp_month": 8, "exp_year": 2041, "cvc": "314"}


class PaymentMethods(Story):
    def test_made_of_a_card_and_attached(self):
        since = self.mark()
        method = self.stripe.payment_methods.create(
            {"type": "card", "card": CARD, "billing_details": {"name": "Jenny", "address": {"country": "DE"}},
             "metadata": {"k": "v"}})
        self.assertFields(
            method, type="card", customer=None, card__brand="visa", card__last4="4242", card__exp_month=8,
            card__exp_year=2041, card__funding="credit", card__country="US", billing_details__name="Jenny",
            billing_details__address__country="DE", allow_redisplay="unspecified", card__checks__cvc_check="unchecked")
        self.assertEqual(self.types(since, method.id), [], "no event tells of it")
        customer = self.customer(paying=None)
        attached = self.stripe.payment_methods.attach(method.id, {"customer": customer})
        self.assertFields(attached, id=method.id, customer=customer, card__checks__cvc_check="pass")
        self.assertEqual(self.types(since, method.id), ["payment_method.attached"])
        self.stripe.payment_methods.attach(method.id, {"customer": customer})
        self.assertEqual(self.types(since, method.id), ["payment_method.attached"], "again is no event")
        self.assertIsNone(self.stripe.customers.retrieve(customer).invoice_settings.default_payment_method)

    def test_made_of_a_token(self):
        method = self.stripe.payment_methods.create({"type": "card", "card": {"token": "tok_mastercard"}})
        self.assertEqual(method.card.brand, "mastercard")

    def test_the_same_number_is_the_same_fingerprint(self):
        customer = self.customer(paying=None)
        one, two = (self.stripe.payment_methods.attach("pm_card_visa", {"customer": customer}) for _ in range(2))
        other = self.stripe.payment_methods.attach("pm_card_amex", {"customer": customer})
        self.assertNotEqual(one.id, two.id)
        self.assertEqual(one.card.fingerprint, two.card.fingerprint)
        self.assertNotEqual(one.card.fingerprint, other.card.fingerprint)

    def test_every_brand(self):
        for token, brand, last4 in [
            ("pm_card_visa", "visa", "4242"), ("pm_card_visa_debit", "visa", "5556"),
            ("pm_card_mastercard", "mastercard", "4444"), ("pm_card_amex", "amex", "8431"),
            ("pm_card_discover", "discover", "9424"), ("pm_card_diners", "diners", "0004"),
            ("pm_card_jcb", "jcb", "0505"), ("pm_card_unionpay", "unionpay", "0005"),
        ]:
            with self.subTest(token):
                method = self.stripe.payment_methods.retrieve(
                    self.stripe.payment_methods.attach(token, {"customer": self.customer(paying=None)}).id)
                self.assertEqual(method.card.brand, brand)
                self.assertEqual(len(method.card.last4), 4)

    def test_updated(self):
        customer = self.customer()
        method = self.stripe.customers.payment_methods.list(customer).data[0].id
        since = self.mark()
        updated = self.stripe.payment_methods.update(
            method, {"billing_details": {"email": "new@example.com"}, "card": {"exp_month": 1, "exp_year": 2044},
                     "metadata": {"k": "w"}, "allow_redisplay": "always"})
        self.assertFields(
            updated, billing_details__email="new@example.com", card__exp_month=1, card__exp_year=2044, metadata__k="w",
            allow_redisplay="always")
        self.assertIn("payment_method.updated", self.types(since, method))

    def test_detached_it_is_nobodys_default_and_never_used_again(self):
        customer = self.customer()
        method = self.stripe.customers.payment_methods.list(customer).data[0].id
        subscription = self.subscribe(customer, self.price(100), default_payment_method=method)
        since = self.mark()
        detached = self.stripe.payment_methods.detach(method)
        self.assertFields(detached, id=method, customer=None)
        self.assertIsNone(self.stripe.customers.retrieve(customer).invoice_settings.default_payment_method)
        self.assertIsNone(self.stripe.subscriptions.retrieve(subscription.id).default_payment_method)
        event = next(e for e in self.events(since, method) if e.type == "payment_method.detached")
        self.assertEqual(event.data.previous_attributes.customer, customer)
        with self.refused() as refusal:
            self.stripe.payment_methods.detach(method)
        self.assertIn("is not attached to a customer so detachment is impossible", refusal.message)
        with self.refused() as refusal:
            self.stripe.payment_methods.attach(method, {"customer": customer})
        self.assertIn("may not be used again", refusal.message)

    def test_it_belongs_to_one_customer(self):
        method = self.stripe.payment_methods.attach("pm_card_visa", {"customer": self.customer(paying=None)})
        with self.refused() as refusal:
            self.stripe.payment_methods.attach(method.id, {"customer": self.customer(paying=None)})
        self.assertIn("already been attached to a customer", refusal.message)
        with self.refused(code="parameter_missing") as refusal:
            self.stripe.payment_methods.attach("pm_card_visa", {})

    def test_listed(self):
        customer = self.customer()
        listed = self.stripe.payment_methods.list({"customer": customer, "type": "card"})
        self.assertEqual(len(listed.data), 1)
        self.assertEqual(self.stripe.payment_methods.list({"customer": customer, "type": "sepa_debit"}).data, [])
        self.assertEqual(self.stripe.payment_methods.list().data, [], "without a customer there is nothing")

    def test_unknown_tokens(self):
        with self.assertRaises(Exception) as refusal:
            self.stripe.payment_methods.attach("pm_card_zzz", {"customer": self.customer(paying=None)})
        self.assertEqual(refusal.exception.code, "resource_missing")
        self.assertIn("No such PaymentMethod: 'pm_card_zzz'", str(refusal.exception))
