import JSON

/// What a credit note gives back by refunds: a new one of the charge that paid the invoice, and parts of those that were
/// made before.
struct CreditedRefunds {
    /// What is to be refunded now, and the charge that it comes from.
    var fresh: (amount: Int64, charge: JSONObject)?
    var earlier: [(refund: String, amount: Int64)] = []

    var total: Int64 { (fresh?.amount ?? 0) + earlier.reduce(0) { $0 + $1.amount } }
}

extension Account {
    /// Reads `refund_amount` and `refunds`.
    func creditedRefunds(_ params: JSONObject, of invoice: String) throws(APIFailure) -> CreditedRefunds {
        try Self.check(params, "refund_amount", in: 0...ExactAmount.largest)
        var refunds = CreditedRefunds()
        let charges = charges(ofInvoice: invoice)
        let notes = creditNotes(of: invoice)
        if let amount = params.integer("refund_amount"), amount > 0 {
            guard let charge = charges.last else {
                throw .invalid("The invoice has no charge that could be refunded.", param: "refund_amount")
            }
            let left = try leftToRefund(of: charge)
            guard amount <= left else {
                let currency = charge.string("currency") ?? "usd"
                throw .invalid(
                    "The refund amount (\(Wording.money(amount, currency))) is greater than the unrefunded amount of the "
                        + "charge (\(Wording.money(left, currency))).", param: "refund_amount")
            }
            refunds.fresh = (amount, charge)
        }
        for (index, entry) in params.array("refunds").compactMap(\.objectValue).enumerated() {
            let place = "refunds[\(index)]"
            guard let id = entry.string("refund") else { throw .missing("\(place)[refund]") }
            let refund = try referred(.refund, id, param: "\(place)[refund]")
            let amount = entry.integer("amount_refunded") ?? refund.integer("amount") ?? 0
            let isOwn = charges.contains { $0.id == refund.string("charge") }
            guard isOwn, (1...creditable(refund, notes)).contains(amount) else {
                throw .invalid("The refund \(id) cannot be used for this credit note.", param: "\(place)[refund]")
            }
            refunds.earlier.append((id, amount))
        }
        return refunds
    }

    /// The charges that paid an invoice, oldest first.
    private func charges(ofInvoice id: String) -> [JSONObject] {
        all(.invoicePayment, where: "invoice", is: id)
            .filter { $0.string("status") == "paid" }
            .compactMap { $0.object("payment").string("payment_intent") }
            .compactMap { known(.paymentIntent, $0).string("latest_charge") }
            .map { known(.charge, $0) }
    }

    /// What of a refund none of an invoice's credit notes speaks of yet; at least 1, so that it can be a bound.
    private func creditable(_ refund: JSONObject, _ notes: [JSONObject]) -> Int64 {
        let used = notes.flatMap { $0.array("refunds") }.filter { $0["refund"] == .string(refund.id) }
            .reduce(Int64(0)) { $0 + ($1["amount_refunded"]?.integerValue ?? 0) }
        return max(1, (refund.integer("amount") ?? 0) - used)
    }

    /// Makes what is to be made. Returns the `refunds` of the note.
    func sendBack(_ refunds: CreditedRefunds) -> JSONValue {
        var shown = refunds.earlier
        if let (amount, charge) = refunds.fresh {
            shown.append((addRefund(of: charge, amount: amount, reason: nil, metadata: [:]), amount))
        }
        return .array(
            shown.map {
                [
                    "amount_refunded": .integer($0.amount), "payment_record_refund": nil, "refund": .string($0.refund),
                    "type": "refund",
                ]
            })
    }
}
