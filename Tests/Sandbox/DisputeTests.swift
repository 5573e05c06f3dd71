import JSON
import Testing

@testable import Sandbox

/// Payments that the customer's bank takes back.
@Suite struct Disputes {
    private func charge(_ guest: Guest, _ token: String, _ more: String = "") -> (intent: String, charge: String) {
        let customer = guest.post("/v1/customers", "email=a@example.com&description=Ada").id
        let paid = guest.post(
            "/v1/payment_intents",
            "amount=2000&currency=usd&confirm=true&customer=\(customer)&payment_method=pm_card_\(token)&description=Chair"
                + more)
        return (paid.id, paid["latest_charge"]?.stringValue ?? "")
    }

    @Test func `a disputed charge stays as it is, and cannot be refunded until the dispute is won`() {
        let guest = Guest()
        let (_, charge) = charge(guest, "createDispute")
        #expect(guest.events().suffix(2) == ["charge.dispute.created", "charge.dispute.funds_withdrawn"])
        let list = guest.get("/v1/disputes", "charge=\(charge)")
        #expect(list["count"] == 1)
        let dispute = list["data.0"] ?? .null
        let path = "/v1/disputes/\(dispute["id"]?.stringValue ?? "")"
        #expect(path.hasPrefix("/v1/disputes/du_") && dispute["status"] == "needs_response")
        #expect(dispute.at("evidence.customer_name") == "Ada" && dispute.at("evidence.product_description") == "Chair")
        #expect(dispute.at("balance_transactions.0.net") == -3500 && dispute["reason"] == "fraudulent")
        let shown = guest.get("/v1/charges/\(charge)")
        #expect(shown["disputed"] == true && shown["status"] == "succeeded" && shown["refunded"] == false)
        #expect(guest.call("POST", "/v1/refunds", "charge=\(charge)").error["code"] == "charge_disputed")
        let answered = guest.post(path, "evidence[uncategorized_text]=winning_evidence")
        #expect(answered["status"] == "under_review" && answered["evidence_details.submission_count"] == 1)
        guest.now += 5
        let won = guest.get(path)
        #expect(won["status"] == "won" && won["balance_transactions.1.net"] == 2000, "the fee stays taken")
        #expect(guest.events().suffix(2) == ["charge.dispute.closed", "charge.dispute.funds_reinstated"])
        #expect(guest.post("/v1/refunds", "charge=\(charge)")["status"] == "succeeded")
    }

    @Test func `a dispute that is given up is lost for good`() {
        let guest = Guest()
        let (_, charge) = charge(guest, "createDisputeProductNotReceived")
        let path = "/v1/disputes/\(guest.get("/v1/disputes")["data.0.id"]?.stringValue ?? "")"
        #expect(guest.post(path, "evidence[receipt]=file_1&submit=false")["status"] == "needs_response")
        #expect(guest.post(path + "/close")["status"] == "lost")
        for again in [guest.call("POST", path + "/close"), guest.call("POST", path, "evidence[receipt]=file_2")] {
            #expect(again.status == 400 && again.error["message"] == "This dispute is already closed")
            #expect(again.error["code"] == nil)
        }
        #expect(guest.post(path, "metadata[k]=v")["metadata.k"] == "v")
        #expect(guest.call("POST", "/v1/refunds", "charge=\(charge)").error["code"] == "charge_disputed")
    }

    @Test func `an inquiry takes nothing, and a hold is disputed when it is captured`() {
        let guest = Guest()
        let (_, asked) = charge(guest, "createDisputeInquiry")
        let inquiry = guest.get("/v1/disputes", "charge=\(asked)")
        #expect(inquiry["data.0.status"] == "warning_needs_response" && inquiry["data.0.balance_transactions"] == [])
        #expect(guest.post("/v1/refunds", "charge=\(asked)")["status"] == "succeeded")
        let (intent, held) = charge(guest, "createDispute", "&capture_method=manual")
        #expect(guest.get("/v1/disputes", "charge=\(held)")["data"] == [])
        _ = guest.post("/v1/payment_intents/\(intent)/capture", "amount_to_capture=700")
        #expect(guest.get("/v1/disputes", "charge=\(held)")["data.0.amount"] == 700)
    }

    @Test func `a disputed debit is lost at once`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        _ = guest.post(
            "/v1/payment_intents",
            "amount=900&currency=eur&confirm=true&customer=\(customer)&payment_method=pm_sepaDebit_disputed_at")
        #expect(guest.get("/v1/disputes")["data"] == [])
        guest.advance(180)
        #expect(guest.get("/v1/disputes")["data.0.status"] == "lost")
    }
}
