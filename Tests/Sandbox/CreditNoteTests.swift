import JSON
import Testing

@testable import Sandbox

/// Credit notes before and after the payment.
@Suite struct CreditNotes {
    private func invoice(_ guest: Guest, _ customer: String, _ amount: Int64, _ more: String = "") -> String {
        let invoice = guest.post("/v1/invoices", "customer=\(customer)\(more)").id
        _ = guest.post("/v1/invoiceitems", "customer=\(customer)&invoice=\(invoice)&amount=\(amount)&currency=usd")
        return invoice
    }

    @Test func `before the payment it lowers what is due, and can be taken back`() {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = invoice(guest, customer, 1000)
        let early = guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=100")
        #expect(
            early["error.message"]
                == "Credit notes can only be created on open, paid, or uncollectible invoices. This invoice is draft.")
        _ = guest.post("/v1/invoices/\(invoice)/finalize")
        let mark = guest.eventCount
        let note = guest.post("/v1/credit_notes", "invoice=\(invoice)&amount=300&reason=order_change&memo=Less")
        #expect(note["type"] == "pre_payment")
        #expect(note["pre_payment_amount"] == 300)
        #expect(note["number"]?.stringValue?.hasSuffix("-0001-CN-01") == true)
        #expect(note["lines.data.0.type"] == "custom_line_item")
        #expect(guest.events(since: mark) == ["credit_note.created", "invoice.updated"])
        var read = guest.get("/v1/invoices/\(invoice)", "expand[]=payments")
        #expect(read["amount_remaining"] == 700)
        #expect(read["pre_payment_credit_notes_amount"] == 300)
        #expect(read["payments.data.0.amount_requested"] == 700)
        #expect(guest.post("/v1/credit_notes/\(note.id)", "memo=More")["memo"] == "More")
        #expect(guest.post("/v1/credit_notes/\(note.id)/void")["status"] == "void")
        #expect(guest.call("POST", "/v1/credit_notes/\(note.id)/void").status == 400)
        read = guest.get("/v1/invoices/\(invoice)")
        #expect(read["amount_remaining"] == 1000)
        #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=1001").status == 400)
        _ = guest.post("/v1/credit_notes", "invoice=\(invoice)&amount=400")
        #expect(guest.post("/v1/invoices/\(invoice)/pay")["amount_paid"] == 600)
        #expect(guest.get("/v1/credit_notes", "invoice=\(invoice)")["data"]?.arrayValue?.count == 2)
    }

    @Test func `a note over all that is due pays the invoice`() {
        let guest = Guest()
        let invoice = invoice(guest, guest.customer(), 1000)
        _ = guest.post("/v1/invoices/\(invoice)/finalize")
        _ = guest.post("/v1/credit_notes", "invoice=\(invoice)&amount=1000")
        let read = guest.get("/v1/invoices/\(invoice)")
        #expect(read["status"] == "paid")
        #expect(read["amount_paid"] == 0)
        #expect(read["amount_remaining"] == 0)
    }

    @Test func `after the payment it says where the money goes`() {
        let guest = Guest()
        let customer = guest.customer()
        let invoice = invoice(guest, customer, 1000)
        _ = guest.post("/v1/invoices/\(invoice)/pay")
        #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=500").status == 400)
        #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=500&credit_amount=400").status == 400)
        let form = "invoice=\(invoice)&amount=500&credit_amount=400&out_of_band_amount=100"
        let preview = guest.get("/v1/credit_notes/preview", form)
        #expect(preview["post_payment_amount"] == 500)
        #expect(guest.get("/v1/credit_notes")["data"] == [])
        let note = guest.post("/v1/credit_notes", form + "&expand[]=customer_balance_transaction")
        #expect(note["type"] == "post_payment")
        #expect(note["out_of_band_amount"] == 100)
        #expect(note["customer_balance_transaction.type"] == "credit_note")
        #expect(note["customer_balance_transaction.credit_note"] == .string(note.id))
        #expect(guest.get("/v1/customers/\(customer)")["balance"] == -400)
        #expect(guest.get("/v1/invoices/\(invoice)")["post_payment_credit_notes_amount"] == 500)
        #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=501&credit_amount=501").status == 400)
    }

    @Test func `it gives back by refunds what was paid`() {
        let guest = Guest()
        let invoice = invoice(guest, guest.customer(), 1000)
        let paid = guest.post("/v1/invoices/\(invoice)/pay", "expand[]=payments")
        let intent = paid["payments.data.0.payment.payment_intent"]?.stringValue ?? ""
        let earlier = guest.post("/v1/refunds", "payment_intent=\(intent)&amount=250").id
        let mark = guest.eventCount
        let note = guest.post(
            "/v1/credit_notes",
            "invoice=\(invoice)&amount=650&refund_amount=400&refunds[0][refund]=\(earlier)&expand[]=refunds.refund")
        #expect(note["refunds"]?.arrayValue?.map { $0["amount_refunded"] } == [250, 400])
        #expect(note["refunds.1.refund.object"] == "refund")
        #expect(guest.events(since: mark).contains("refund.created"))
        let charge = guest.get("/v1/payment_intents/\(intent)", "expand[]=latest_charge")
        #expect(charge["latest_charge.amount_refunded"] == 650)
        for more in ["refund_amount=351", "refunds[0][refund]=\(earlier)", "refund_amount=350&refunds[0][refund]=re_none"] {
            #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(invoice)&amount=350&\(more)").status == 400)
        }
        let unpaid = self.invoice(guest, guest.customer(), 1000)
        _ = guest.post("/v1/invoices/\(unpaid)/finalize")
        #expect(guest.call("POST", "/v1/credit_notes", "invoice=\(unpaid)&amount=100&refund_amount=100").status == 400)
    }

    @Test func `lines of the invoice are taken back with their part of the discount`() {
        let guest = Guest()
        let customer = guest.customer()
        let coupon = guest.post("/v1/coupons", "percent_off=20&duration=once").id
        let invoice = invoice(guest, customer, 1000, "&discounts[0][coupon]=\(coupon)")
        let open = guest.post("/v1/invoices/\(invoice)/finalize")
        let line = open["lines.data.0.id"]?.stringValue ?? ""
        let note = guest.post(
            "/v1/credit_notes",
            """
            invoice=\(invoice)&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=\(line)&lines[0][amount]=500\
            &lines[1][type]=custom_line_item&lines[1][description]=Sorry&lines[1][unit_amount]=50&lines[1][quantity]=2
            """)
        #expect(note["subtotal"] == 600)
        #expect(note["discount_amount"] == 100)
        #expect(note["total"] == 500)
        #expect(note["lines.data"]?.arrayValue?.map { $0["amount"] } == [500, 100])
        #expect(guest.get("/v1/credit_notes/\(note.id)/lines")["data.0.invoice_line_item"] == .string(line))
        #expect(guest.get("/v1/invoices/\(invoice)")["amount_remaining"] == 300)
        let twice = guest.call(
            "POST", "/v1/credit_notes",
            "invoice=\(invoice)&lines[0][type]=invoice_line_item&lines[0][invoice_line_item]=\(line)&lines[0][amount]=501")
        #expect(twice.status == 400)
    }
}
