"""Tax rates as things of the catalogue."""

from support import Story


class TaxRates(Story):
    def test_created_retrieved_updated_and_listed(self):
        rate = self.stripe.tax_rates.create(
            {"display_name": "VAT", "percentage": 19, "inclusive": False, "country": "DE", "jurisdiction": "DE",
             "description": "VAT Germany", "tax_type": "vat"})
        self.assertFields(
            rate, object="tax_rate", active=True, display_name="VAT", percentage=19, inclusive=False, country="DE",
            jurisdiction="DE", tax_type="vat")
        self.assertEqual(self.stripe.tax_rates.retrieve(rate.id).to_dict(), rate.to_dict())
        updated = self.stripe.tax_rates.update(rate.id, {"active": False, "metadata": {"k": "v"}})
        self.assertFields(updated, active=False, metadata__k="v", percentage=19)
        self.assertNotIn(rate.id, [each.id for each in self.stripe.tax_rates.list({"active": True}).auto_paging_iter()])
        with self.refused(code="parameter_unknown", param="percentage"):
            self.stripe.tax_rates.update(rate.id, {"percentage": 20})
