"""Bank debits: under way for minutes of the clock, then paid or refused."""

from support import DAY, HOUR, Story

BACK = {"return_url": "https://example.com"}
ONLINE = {"mandate_data": {"customer_acceptance": {"type": "online", "online": {
    "ip_address": "127.0.0.1", "user_agent": "suite"}}}}


class Debits(Story):
    def sepa(self, iban):
        return self.stripe.payment_methods.create(
            {"type": "sepa_debit", "sepa_debit": {"iban": iban},
             "billing_details": {"name": "Jenny", "email": "jenny@example.com"}}).id

    def becs(self, number):
        return self.stripe.payment_methods.create(
            {"type": "au_becs_debit", "au_becs_debit": {"bsb_number": "000000", "account_number": number},
             "billing_details": {"name": "Jenny", "email": "jenny@example.com"}}).id

    def pay(self, method, currency="eur"):
        """A payment that is under way."""
        kind = self.stripe.payment_methods.retrieve(method).type
        intent = self.stripe.payment_intents.create(
            {"amount": 2000, "currency": currency, "allowed_payment_method_types": [kind]})
        intent = self.stripe.payment_intents.confirm(intent.id, {"payment_method": method, **ONLINE, **BACK})
        self.assertFields(intent, status="processing", amount_received=0, next_action=None)
        return intent.id

    def settle(self, intent, seconds=240):
        self.advance(seconds)
        return self.stripe.payment_intents.retrieve(intent, {"expand": ["latest_charge"]})

    def test_a_method_shows_its_end_alone(self):
        method = self.stripe.payment_methods.retrieve(self.sepa("AT611904300234573201"))
        self.assertFields(
            method, type="sepa_debit", sepa_debit__country="AT", sepa_debit__last4="3201", sepa_debit__bank_code="19043")
        method = self.stripe.payment_methods.retrieve(self.becs("000123456"))
        self.assertFields(
            method, type="au_becs_debit", au_becs_debit__bsb_number="000000", au_becs_debit__last4="3456")

    def test_sepa_that_succeeds(self):
        for iban in ("AT611904300234573201", "AT321904300235473204"):
            with self.subTest(iban):
                since = self.mark()
                intent = self.pay(self.sepa(iban))
                self.assertIn("payment_intent.processing", self.types(since, intent))
                paid = self.settle(intent)
                self.assertFields(paid, status="succeeded", latest_charge__paid=True, amount_received=2000)
                self.assertTrue(paid.latest_charge.id.startswith("py_"))
                self.assertEqual(
                    [t for t in self.types(since, intent) if t.endswith("succeeded")],
                    ["charge.succeeded", "payment_intent.succeeded"])

    def test_sepa_that_fails(self):
        for iban in ("AT861904300235473202", "AT051904300235473205", "AT981904300002222227"):
            with self.subTest(iban):
                since = self.mark()
                failed = self.settle(self.pay(self.sepa(iban)))
                self.assertFields(failed, status="requires_payment_method", latest_charge__status="failed")
                self.assertTrue(failed.last_payment_error.code)
                self.assertIn("payment_intent.payment_failed", self.types(since, failed.id))

    def test_becs_both_ways(self):
        self.assertEqual(self.settle(self.pay(self.becs("900123456"), "aud")).status, "succeeded")
        for number, code in [
            ("111111113", "account_closed"), ("111111116", "no_account"), ("333333335", "debit_not_authorized"),
        ]:
            with self.subTest(number):
                failed = self.settle(self.pay(self.becs(number), "aud"))
                self.assertFields(failed, status="requires_payment_method", latest_charge__status="failed")
                self.assertIn(code, (failed.latest_charge.failure_code, failed.last_payment_error.decline_code,
                                     failed.last_payment_error.code))

    def subscribe_by(self, iban):
        buyer = self.customer(paying=None)
        price = self.price(1500, currency="eur")
        subscription = self.subscribe(
            buyer, price, payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice.confirmation_secret"])
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        self.browser.payment_intents.confirm(
            secret.split("_secret_")[0], {"client_secret": secret, "payment_method": self.sepa(iban), **ONLINE, **BACK})
        return buyer, subscription

    def test_a_subscription_is_active_while_its_first_debit_is_under_way(self):
        _, subscription = self.subscribe_by("AT321904300235473204")
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertEqual(self.invoice_of(subscription).status, "open")
        self.advance(240)
        self.assertEqual(self.stripe.subscriptions.retrieve(subscription.id).status, "active")
        self.assertFields(self.invoice_of(subscription), status="paid", amount_paid=1500)

    def test_a_first_debit_that_fails_is_told(self):
        buyer, subscription = self.subscribe_by("AT051904300235473205")
        since = self.mark()
        self.advance(240)
        self.assertIn(self.invoice_of(subscription).status, ("open", "void"))
        self.assertIn("payment_intent.payment_failed", self.types(since, buyer))

    def test_a_renewal_by_debit(self):
        _, subscription = self.subscribe_by("AT611904300234573201")
        self.advance(240)
        active = self.stripe.subscriptions.retrieve(subscription.id)
        self.advance(to=active["items"].data[0].current_period_end + HOUR + 30)
        self.advance(DAY)
        self.assertFields(self.invoice_of(subscription), status="paid", billing_reason="subscription_cycle")
