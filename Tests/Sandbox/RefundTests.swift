import JSON
import Testing

@testable import Sandbox

/// Money that goes back, and the account's own balance.
@Suite struct Refunds {
    private func paid(_ guest: Guest, _ token: String = "pm_card_visa") -> (intent: String, charge: String) {
        let answer = guest.post(
            "/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method=\(token)&description=Chair")
        return (answer.id, answer["latest_charge"]?.stringValue ?? "")
    }

    @Test func `a charge is refunded in parts until nothing is left`() throws {
        let guest = Guest()
        let (intent, charge) = paid(guest)
        let mark = guest.eventCount
        let first = guest.post("/v1/refunds", "charge=\(charge)&amount=500&reason=duplicate&metadata[a]=b")
        #expect(first["status"] == "succeeded" && first["amount"] == 500 && first["payment_intent"] == .string(intent))
        #expect(first["destination_details.card.reference_status"] == "pending" && first["metadata.a"] == "b")
        #expect(guest.get("/v1/charges/\(charge)")["amount_refunded"] == 500)
        #expect(guest.events(since: mark) == ["refund.created", "charge.refunded"])
        #expect(try guest.event("charge.refunded").at("data.previous_attributes") == ["amount_refunded": 0])
        guest.now += 1
        let settled = guest.get("/v1/refunds/\(first.id)")
        #expect(settled["destination_details.card.reference_status"] == "available")
        #expect(guest.events(since: mark).suffix(2) == ["refund.updated", "charge.refund.updated"])
        let tooMuch = guest.call("POST", "/v1/refunds", "charge=\(charge)&amount=3000")
        #expect(
            tooMuch.error["message"]
                == "Refund amount ($30.00) is greater than unrefunded amount on charge ($15.00)")
        let rest = guest.post("/v1/refunds", "payment_intent=\(intent)")
        #expect(rest["amount"] == 1500)
        let after = guest.get("/v1/charges/\(charge)", "expand[]=refunds")
        #expect(after["refunded"] == true && after["status"] == "succeeded")
        #expect(after["refunds.data"]?.arrayValue?.map { $0["id"] } == [.string(rest.id), .string(first.id)])
        let again = guest.call("POST", "/v1/refunds", "charge=\(charge)")
        #expect(again.error["code"] == "charge_already_refunded")
        #expect(again.error["message"] == .string("Charge \(charge) has already been refunded."))
        let list = guest.get("/v1/refunds", "charge=\(charge)&limit=1")
        #expect(list["count"] == 2 && list["has_more"] == true && list["data.0.id"] == .string(rest.id))
        #expect(guest.get("/v1/refunds")["count"] == nil)
    }

    @Test func `what cannot be refunded says why`() {
        let guest = Guest()
        #expect(guest.call("POST", "/v1/refunds", "amount=5").status == 400)
        #expect(guest.call("POST", "/v1/refunds", "charge=ch_nope").error["code"] == "resource_missing")
        let (intent, charge) = paid(guest)
        #expect(guest.call("POST", "/v1/refunds", "charge=\(charge)&amount=0").error["code"] == "parameter_invalid_integer")
        let open = guest.post("/v1/payment_intents", "amount=500&currency=usd").id
        #expect(guest.call("POST", "/v1/refunds", "payment_intent=\(open)").error["param"] == "payment_intent")
        let held = guest.post(
            "/v1/payment_intents", "amount=500&currency=usd&confirm=true&payment_method=pm_card_visa&capture_method=manual")
        let hold = held["latest_charge"]?.stringValue ?? ""
        #expect(guest.call("POST", "/v1/refunds", "charge=\(hold)").error["code"] == "charge_not_refundable")
        let refund = guest.post("/v1/refunds", "payment_intent=\(intent)").id
        #expect(guest.call("POST", "/v1/refunds/\(refund)/cancel").status == 400)
        #expect(guest.post("/v1/refunds/\(refund)", "metadata[k]=v")["metadata.k"] == "v")
    }

    @Test func `a slow refund ends later, and one that fails gives the money back to the account`() throws {
        let guest = Guest()
        let slow = guest.post("/v1/refunds", "payment_intent=\(paid(guest, "pm_card_pendingRefund").intent)")
        #expect(slow["status"] == "pending")
        let (intent, charge) = paid(guest, "pm_card_refundFail")
        let failing = guest.post("/v1/refunds", "payment_intent=\(intent)")
        #expect(failing["status"] == "succeeded")
        guest.advance(180)
        #expect(guest.get("/v1/refunds/\(slow.id)")["status"] == "succeeded")
        let failed = guest.get("/v1/refunds/\(failing.id)", "expand[]=failure_balance_transaction")
        #expect(failed["status"] == "failed" && failed["failure_balance_transaction.amount"] == 2000)
        #expect(guest.get("/v1/charges/\(charge)")["refunded"] == false)
        #expect(guest.events().contains("refund.failed"))
    }

    @Test func `the balance is what was paid, less fees and refunds, after two days`() {
        let guest = Guest()
        #expect(guest.get("/v1/balance")["available"]?[0]?["amount"] == 0)
        let (intent, charge) = paid(guest)
        // 2.9 % of 20 dollars and 30 cents.
        #expect(guest.get("/v1/balance")["pending.0.amount"] == 1912)
        guest.now += 2 * 86_400
        #expect(guest.get("/v1/balance")["pending.0.amount"] == 0)
        #expect(guest.get("/v1/balance")["available.0.amount"] == 1912)
        let refund = guest.post("/v1/refunds", "payment_intent=\(intent)&expand[]=balance_transaction")
        #expect(refund["balance_transaction.net"] == -2000 && refund["balance_transaction.type"] == "refund")
        #expect(guest.get("/v1/balance")["pending.0.amount"] == -2000)
        let movements = guest.get("/v1/balance_transactions", "source=\(charge)")
        #expect(movements["data.0.fee"] == 88 && movements["data.0.status"] == "available")
        #expect(guest.get("/v1/balance_transactions", "type=refund")["data"]?.arrayValue?.count == 1)
    }

    @Test func `the account knows itself and nobody else`() {
        let guest = Guest()
        let own = guest.get("/v1/account")
        #expect(own["object"] == "account" && own["charges_enabled"] == true)
        #expect(guest.get("/v1/accounts/\(own.id)").body == own.body)
        let other = guest.get("/v1/accounts/acct_other")
        #expect(other.status == 403 && other.error["code"] == "account_invalid")
    }
}
