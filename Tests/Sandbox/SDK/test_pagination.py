"""Lists by cursor, forwards and backwards, and the SDK's own walk through them."""

from support import DAY, Story, unique


class Pagination(Story):
    def begin(self, count=7):
        """Customers with one address, newest first."""
        self.email = f"{unique('page')}@example.com"
        ids = [self.customer(paying=None, email=self.email) for _ in range(count)]
        return list(reversed(ids))

    def page(self, **params):
        return self.stripe.customers.list({"email": self.email, **params})

    def ids(self, **params):
        return [customer.id for customer in self.page(**params).data]

    def test_pages_forwards(self):
        ids = self.begin()
        first = self.page(limit=3)
        self.assertFields(first, object="list", has_more=True, url="/v1/customers")
        self.assertEqual([customer.id for customer in first.data], ids[:3])
        self.assertEqual(self.ids(limit=3, starting_after=ids[2]), ids[3:6])
        last = self.page(limit=3, starting_after=ids[5])
        self.assertEqual([customer.id for customer in last.data], ids[6:])
        self.assertFalse(last.has_more)

    def test_pages_backwards_are_newest_first_too(self):
        ids = self.begin()
        page = self.page(limit=3, ending_before=ids[6])
        self.assertEqual([customer.id for customer in page.data], ids[3:6])
        self.assertTrue(page.has_more)
        page = self.page(limit=3, ending_before=ids[3])
        self.assertEqual([customer.id for customer in page.data], ids[:3])
        self.assertFalse(page.has_more)

    def test_the_sdk_walks_through_all_pages(self):
        ids = self.begin()
        self.assertEqual([customer.id for customer in self.page(limit=2).auto_paging_iter()], ids)
        walked = [customer.id for customer in self.page(limit=2, ending_before=ids[-1]).auto_paging_iter()]
        self.assertEqual(walked, list(reversed(ids[:-1])))

    def test_limits_are_clamped(self):
        ids = self.begin(12)
        self.assertEqual(len(self.page().data), 10)
        self.assertEqual(self.ids(limit=0), ids[:1])
        self.assertEqual(self.ids(limit=101), ids)

    def test_a_deleted_object_still_marks_its_place(self):
        ids = self.begin()
        self.stripe.customers.delete(ids[2])
        self.assertEqual(self.ids(starting_after=ids[2]), ids[3:])

    def test_cursors_that_lead_nowhere(self):
        ids = self.begin(2)
        with self.refused(code="resource_missing", param="starting_after"):
            self.page(starting_after="cus_nobody")
        with self.refused(code="resource_missing", param="ending_before"):
            self.page(ending_before="cus_nobody")
        with self.refused() as refusal:
            self.page(starting_after=ids[0], ending_before=ids[1])
        self.assertIn("Received both starting_after and ending_before", refusal.message)

    def test_by_time(self):
        self.begin(2)
        before = self.now()
        self.advance(DAY)
        later = self.customer(paying=None, email=self.email)
        self.assertEqual(self.ids(created={"gt": before}), [later])
        self.assertEqual(len(self.ids(created={"lte": before})), 2)
        self.assertEqual(self.ids(created={"gte": before + 1, "lt": before + 2 * DAY}), [later])
        self.assertEqual(self.ids(created=self.stripe.customers.retrieve(later).created), [later])

    def test_lists_inside_objects(self):
        prices = [self.price(100) for _ in range(12)]
        subscription = self.subscribe(self.customer(), *prices)
        self.assertEqual(len(subscription["items"].data), 10)
        self.assertTrue(subscription["items"].has_more)
        walked = [item.price.id for item in self.stripe.subscription_items.list(
            {"subscription": subscription.id, "limit": 5}).auto_paging_iter()]
        self.assertEqual(walked, prices, "items are listed oldest first")
        lines = self.stripe.invoices.line_items.list(subscription.latest_invoice, {"limit": 5})
        self.assertEqual(len(list(lines.auto_paging_iter())), 12)
