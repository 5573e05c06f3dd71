"""Customer sessions: secrets by which a page acts for a customer."""

from support import Story


class CustomerSessions(Story):
    def test_a_session_for_the_payment_element(self):
        buyer = self.customer()
        session = self.stripe.customer_sessions.create(
            {"customer": buyer, "components": {"payment_element": {"enabled": True}}})
        self.assertFields(
            session, object="customer_session", customer=buyer, components__payment_element__enabled=True,
            components__buy_button__enabled=False, livemode=False)
        self.assertTrue(session.client_secret)
        self.assertGreater(session.expires_at, self.now())
        with self.refused(code="resource_missing", param="customer"):
            self.stripe.customer_sessions.create(
                {"customer": "cus_none", "components": {"buy_button": {"enabled": True}}})
