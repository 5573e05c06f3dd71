import JSON
import Testing

@testable import Sandbox

/// Invoices by hand: items, lines, drafts and what becomes of them; tax ids and balances beside them.
@Suite struct ManualInvoices {
    private func draft(_ guest: Guest, _ customer: String, _ more: String = "") -> Guest.Answer {
        guest.post("/v1/invoices", "customer=\(customer)\(more)")
    }

    private func item(_ guest: Guest, _ customer: String, _ form: String) -> Guest.Answer {
        guest.post("/v1/invoiceitems", "customer=\(customer)&\(form)")
    }

    @Test func `a draft takes items, the newest first, and becomes final with a number`() {
        let guest = Guest()
        let customer = guest.customer()
        let mark = guest.eventCount
        let invoice = draft(
            guest, customer, "&description=Work&footer=Thanks&custom_fields[0][name]=PO&custom_fields[0][value]=7")
        #expect(invoice["status"] == "draft")
        #expect(invoice["billing_reason"] == "manual")
        #expect(invoice["auto_advance"] == false)
        #expect(invoice["automatically_finalizes_at"] == .null)
        #expect(invoice["rendering.pdf.page_size"] == "auto")
        #expect(invoice["custom_fields.0.value"] == "7")
        #expect(invoice["parent"] == .null)
        let first = item(guest, customer, "invoice=\(invoice.id)&amount=1000&currency=usd&description=Design")
        #expect(first["pricing.unit_amount_decimal"] == "1000")
        #expect(first["invoice"] == .string(invoice.id))
        _ = item(guest, customer, "invoice=\(invoice.id)&unit_amount_decimal=250.5&quantity=3&currency=usd")
        let read = guest.get("/v1/invoices/\(invoice.id)")
        #expect(read["total"] == 1752)
        #expect(read["lines.data"]?.arrayValue?.map { $0["amount"] } == [752, 1000])
        #expect(read["lines.data.1.parent.type"] == "invoice_item_details")
        #expect(read["lines.data.1.parent.invoice_item_details.invoice_item"] == .string(first.id))
        #expect(guest.events(since: mark).prefix(3) == ["invoice.created", "invoiceitem.created", "invoice.updated"])
        let open = guest.post("/v1/invoices/\(invoice.id)/finalize")
        #expect(open["status"] == "open")
        #expect(open["rendering.pdf.page_size"] == "letter")
        #expect(open["number"]?.stringValue?.hasSuffix("-0001") == true)
        #expect(guest.get("/v1/products", "limit=100")["data"]?.arrayValue?.count == 2, "one-off prices are in no list")
        for (call, form, code) in [
            ("POST /v1/invoices/\(invoice.id)", "description=x", nil),
            (
                "POST /v1/invoiceitems", "customer=\(customer)&invoice=\(invoice.id)&amount=1&currency=usd",
                "invoice_not_editable"
            ),
            ("DELETE /v1/invoices/\(invoice.id)", "", nil),
            ("DELETE /v1/invoiceitems/\(first.id)", "", "invoice_not_editable"),
            ("POST /v1/invoices/\(invoice.id)/finalize", "", nil),
        ] as [(String, String, String?)] {
            let parts = call.split(separator: " ").map(String.init)
            let refused = guest.call(parts[0], parts[1], form)
            #expect(refused.status == 400)
            #expect(refused["error.code"]?.stringValue == code, "\(call)")
        }
        #expect(guest.post("/v1/invoices/\(invoice.id)/pay")["status"] == "paid")
    }

    @Test func `pending items wait for an invoice that includes them`() {
        let guest = Guest()
        let customer = guest.customer()
        let pending = item(guest, customer, "amount=700&currency=usd")
        #expect(draft(guest, customer)["total"] == 0)
        let including = draft(guest, customer, "&pending_invoice_items_behavior=include")
        #expect(including["total"] == 700)
        #expect(guest.get("/v1/invoiceitems/\(pending.id)")["invoice"] == .string(including.id))
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        _ = item(guest, customer, "amount=-200&currency=usd&subscription=\(subscription.id)")
        let other = draft(guest, customer, "&pending_invoice_items_behavior=include")
        #expect(other["total"] == 0, "what is for a subscription stays with it")
        let own = draft(guest, customer, "&subscription=\(subscription.id)")
        #expect(own["total"] == -200)
        #expect(own["parent.subscription_details.subscription"] == .string(subscription.id))
    }

    @Test func `a deleted draft takes its items with it`() {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = draft(guest, customer)
        let item = item(guest, customer, "invoice=\(invoice.id)&amount=700&currency=usd")
        #expect(
            guest.call("DELETE", "/v1/invoices/\(invoice.id)").body == [
                "id": .string(invoice.id), "object": "invoice", "deleted": true,
            ])
        #expect(guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")["data"] == [])
        let update = guest.call("POST", "/v1/invoiceitems/\(item.id)", "description=x")
        #expect(update["error.message"] == "This invoice item has been deleted.")
        let delete = guest.call("DELETE", "/v1/invoiceitems/\(item.id)")
        #expect(delete["error.message"]?.stringValue?.hasSuffix("no longer editable") == true)
        #expect(guest.get("/v1/invoices/\(invoice.id)")["error.param"] == "invoice")
    }

    @Test func `lines are added, changed and removed`() throws {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = draft(guest, customer)
        let path = "/v1/invoices/\(invoice.id)"
        let waiting = item(guest, customer, "amount=300&currency=usd")
        let added = guest.post(
            "\(path)/add_lines",
            """
            lines[0][amount]=1000&lines[0][description]=One&lines[1][invoice_item]=\(waiting.id)\
            &lines[2][price_data][currency]=usd&lines[2][price_data][product_data][name]=Mug\
            &lines[2][price_data][unit_amount]=450&lines[2][quantity]=2&invoice_metadata[po]=9
            """)
        #expect(added["total"] == 2200)
        #expect(added["metadata.po"] == "9")
        let mug = try #require(added["lines.data.0"])
        #expect(mug.at("description") == "Mug")
        #expect(mug.at("quantity") == 2)
        let line = mug.at("id")?.stringValue ?? ""
        let changed = guest.post("\(path)/lines/\(line)", "quantity=3&description=Mugs&metadata[a]=b")
        #expect(changed["amount"] == 1350)
        #expect(changed["id"] == .string(line))
        let both = guest.post("\(path)/update_lines", "lines[0][id]=\(line)&lines[0][amount]=100")
        #expect(both["total"] == 1400)
        let less = guest.post(
            "\(path)/remove_lines",
            """
            lines[0][id]=\(line)&lines[0][behavior]=delete\
            &lines[1][id]=\(added["lines.data.2.id"]?.stringValue ?? "")&lines[1][behavior]=unassign
            """)
        #expect(less["lines.data"]?.arrayValue?.count == 1)
        let pending = guest.get("/v1/invoiceitems", "customer=\(customer)&pending=true")
        #expect(pending["data"]?.arrayValue?.count == 1)
        #expect(guest.get("\(path)/lines")["data"]?.arrayValue?.count == 1)
        let missing = guest.call("POST", "/v1/invoices/in_nope/add_lines", "lines[0][amount]=1")
        #expect(missing["error.param"] == "invoice")
    }

    @Test func `lines come in pages, in the order of the invoice`() {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = draft(guest, customer)
        for amount in 1...12 { _ = item(guest, customer, "invoice=\(invoice.id)&amount=\(amount)&currency=usd") }
        let path = "/v1/invoices/\(invoice.id)/lines"
        #expect(guest.get("/v1/invoices/\(invoice.id)")["lines.total_count"] == 12)
        var seen: [JSONValue?] = []
        var cursor = ""
        while true {
            let page = guest.get(path, "limit=5\(cursor)")
            let data = page["data"]?.arrayValue ?? []
            seen += data.map { $0["amount"] }
            guard page["has_more"] == true, let last = data.last?["id"]?.stringValue else { break }
            cursor = "&starting_after=\(last)"
        }
        #expect(seen == (1...12).reversed().map { .integer($0) })
        let last = guest.get(path, "limit=100")["data.11.id"]?.stringValue ?? ""
        let before = guest.get(path, "limit=3&ending_before=\(last)")
        #expect(before["data"]?.arrayValue?.map { $0["amount"] } == [4, 3, 2])
        #expect(before["has_more"] == true)
        #expect(guest.get(path, "starting_after=il_nope").status == 400)
    }

    @Test func `an invoice to be sent has a due date, and a zero one is paid when it is sent`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let due = draft(guest, customer, "&collection_method=send_invoice&days_until_due=10")
        #expect(due["due_date"] == .integer(guest.now + 10 * 86_400))
        let mark = guest.eventCount
        let sent = guest.post("/v1/invoices/\(due.id)/send")
        #expect(sent["status"] == "paid")
        #expect(sent["attempted"] == true)
        #expect(sent["attempt_count"] == 0)
        #expect(guest.events(since: mark) == ["invoice.finalized", "invoice.paid", "invoice.sent"])
        for form in [
            "days_until_due=5", "due_date=\(guest.now + 9)", "collection_method=send_invoice",
            "collection_method=send_invoice&days_until_due=1&due_date=\(guest.now + 9)",
        ] {
            #expect(guest.call("POST", "/v1/invoices", "customer=\(customer)&\(form)").status == 400)
        }
        #expect(guest.call("POST", "/v1/invoices", "customer=cus_nope")["error.param"] == "customer")
        #expect(guest.call("POST", "/v1/invoices").status == 400)
        #expect(guest.call("POST", "/v1/invoices/\(draft(guest, customer).id)/send").status == 400)
    }

    @Test func `a draft that advances finalizes and is charged by itself`() {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = draft(guest, customer, "&auto_advance=true")
        _ = item(guest, customer, "invoice=\(invoice.id)&amount=900&currency=usd")
        #expect(invoice["automatically_finalizes_at"] == .integer(guest.now + 3601))
        guest.advance(3600)
        #expect(guest.get("/v1/invoices/\(invoice.id)")["status"] == "paid")
        let later = draft(guest, customer)
        _ = item(guest, customer, "invoice=\(later.id)&amount=900&currency=usd")
        #expect(guest.post("/v1/invoices/\(later.id)/finalize", "auto_advance=true")["status"] == "open")
        guest.advance(3600)
        #expect(guest.get("/v1/invoices/\(later.id)")["status"] == "paid")
    }

    @Test func `coupons work on invoices and on their items`() {
        let guest = Guest()
        let customer = guest.customer()
        let tenth = guest.post("/v1/coupons", "percent_off=10&duration=once").id
        let off = guest.post("/v1/coupons", "amount_off=100&currency=usd&duration=once").id
        let invoice = draft(guest, customer, "&discounts[0][coupon]=\(tenth)")
        _ = item(guest, customer, "invoice=\(invoice.id)&amount=1000&currency=usd&discounts[0][coupon]=\(off)")
        _ = item(guest, customer, "invoice=\(invoice.id)&amount=-300&currency=usd")
        let read = guest.get("/v1/invoices/\(invoice.id)", "expand[]=discounts")
        #expect(read["subtotal"] == 700)
        #expect(read["total"] == 510)
        #expect(read["discounts.0.invoice"] == .string(invoice.id))
        #expect(read["lines.data.0.discountable"] == false, "what is given is not reduced")
        #expect(read["total_discount_amounts"]?.arrayValue?.map { $0["amount"] } == [90, 100])
        let without = guest.post("/v1/invoices/\(invoice.id)", "discounts=")
        #expect(without["total"] == 600)
    }

    @Test func `items alone can be previewed, and those of a subscription with it`() {
        let guest = Guest()
        let customer = guest.customer()
        let tenth = guest.post("/v1/coupons", "percent_off=10&duration=once").id
        let items =
            "invoice_items[0][amount]=700&invoice_items[0][currency]=usd&invoice_items[1][unit_amount]=50&invoice_items[1][quantity]=2"
        let alone = guest.post(
            "/v1/invoices/create_preview", "customer=\(customer)&\(items)&discounts[0][coupon]=\(tenth)&currency=usd")
        #expect(alone["subtotal"] == 800)
        #expect(alone["total"] == 720)
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        let pending = item(guest, customer, "amount=300&currency=usd")
        let next = guest.post(
            "/v1/invoices/create_preview",
            "subscription=\(subscription.id)&\(items)&invoice_items[2][invoiceitem]=\(pending.id)&invoice_items[2][amount]=200"
        )
        #expect(next["total"] == 1500)
        #expect(guest.get("/v1/invoiceitems", "customer=\(customer)")["data.0.amount"] == 300, "nothing of it has happened")
        #expect(guest.get("/v1/invoices", "customer=\(customer)")["data"]?.arrayValue?.count == 1)
    }

    // MARK: Balance

    @Test func `a balance is adjusted, applied and given back`() {
        let guest = Guest()
        let customer = guest.customer()
        let path = "/v1/customers/\(customer)/balance_transactions"
        let given = guest.post(path, "amount=-500&currency=usd&description=Sorry&metadata[a]=b")
        #expect(given["ending_balance"] == -500)
        #expect(given["type"] == "adjustment")
        #expect(guest.get("\(path)/\(given.id)")["description"] == "Sorry")
        #expect(guest.post("\(path)/\(given.id)", "description=Very sorry")["description"] == "Very sorry")
        #expect(guest.get("\(path)/cbtxn_nope")["error.param"] == "transaction")
        let invoice = draft(guest, customer)
        _ = item(guest, customer, "invoice=\(invoice.id)&amount=1200&currency=usd")
        let open = guest.post("/v1/invoices/\(invoice.id)/finalize")
        #expect(open["starting_balance"] == -500)
        #expect(open["ending_balance"] == 0)
        #expect(open["amount_due"] == 700)
        #expect(guest.get(path)["data.0.type"] == "applied_to_invoice")
        #expect(guest.get(path)["data.0.amount"] == 500)
        #expect(guest.post("/v1/invoices/\(invoice.id)/void")["amount_due"] == 700)
        #expect(guest.get(path)["data.0.type"] == "unapplied_from_invoice")
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -500)
    }

    @Test func `a balance is kept by currency`() {
        let guest = Guest()
        let customer = guest.customer()
        let path = "/v1/customers/\(customer)/balance_transactions"
        _ = guest.post(path, "amount=-500&currency=usd")
        _ = guest.post(path, "amount=-300&currency=eur")
        let read = guest.get("/v1/customers/\(customer)", "expand[]=invoice_credit_balance")
        #expect(read["balance"] == -500)
        #expect(read["invoice_credit_balance"] == ["usd": -500, "eur": -300])
        let invoice = draft(guest, customer, "&currency=eur")
        _ = item(guest, customer, "invoice=\(invoice.id)&amount=1000&currency=eur")
        #expect(guest.post("/v1/invoices/\(invoice.id)/finalize")["amount_due"] == 700)
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -500)
    }

    @Test func `tax ids are kept and shown on invoices`() {
        let guest = Guest()
        let made = guest.post(
            "/v1/customers", "tax_id_data[0][type]=eu_vat&tax_id_data[0][value]=DE123456789&expand[]=tax_ids")
        #expect(made["tax_ids.data.0.country"] == "DE")
        #expect(made["tax_ids.data.0.verification.status"] == "pending")
        let path = "/v1/customers/\(made.id)/tax_ids"
        let other = guest.post(path, "type=us_ein&value=12-3456789")
        #expect(other["verification.status"] == "unavailable")
        #expect(other["owner.customer"] == .string(made.id))
        #expect(guest.call("POST", path, "type=xx_vat&value=1").status == 400)
        #expect(draft(guest, made.id)["customer_tax_ids"]?.arrayValue?.count == 2)
        let mark = guest.eventCount
        #expect(guest.call("DELETE", "\(path)/\(other.id)")["deleted"] == true)
        #expect(guest.events(since: mark) == ["customer.tax_id.deleted"])
        #expect(guest.get(path)["data"]?.arrayValue?.count == 1)
        #expect(guest.get("\(path)/\(other.id)").status == 404)
        let own = guest.post("/v1/tax_ids", "type=us_ein&value=98-7654321")
        #expect(guest.get("/v1/tax_ids")["data"]?.arrayValue?.map { $0["id"] } == [.string(own.id)])
        #expect(guest.call("DELETE", "/v1/tax_ids/\(own.id)")["deleted"] == true)
    }
}
