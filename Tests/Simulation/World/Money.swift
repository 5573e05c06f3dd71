import Contract
import JSON

@testable import Sandbox

/// What customers have, and what they were charged, beside what was asked for.
extension Cast {
    /// Where more or less was made or charged than anybody asked for, each in a sentence.
    func moneyProblems() -> [String] {
        let created = wishes.all.filter { $0.method == .createSubscription }
        return subscriptionProblems(created) + firstInvoiceProblems(created) + changeProblems() + chargeProblems()
    }

    /// One subscription for each wish that had its effect, and no other.
    private func subscriptionProblems(_ created: [Wishes.Wish]) -> [String] {
        let subscriptions = Set(world.stripe.objects(.subscription).map(\.id))
        let makers = world.stripe.effects.filter { $0.request == "POST /v1/subscriptions" }
        let wishers = Set(makers.map { String($0.caller.prefix { $0 != "." }) })
        var problems: [String] = []
        if subscriptions.count != wishers.count {
            problems.append("\(wishers.count) wishes for a subscription have made \(subscriptions.count)")
        }
        let told = created.compactMap { $0.answer?["subscriptionId"]?.stringValue }
        if Set(told).count != told.count { problems.append("two wishes were told of one subscription") }
        for id in told where !subscriptions.contains(id) { problems.append("Stripe lacks the subscription \(id)") }
        return problems
    }

    /// The first invoice is one, over the price that was asked for; a trial costs nothing.
    private func firstInvoiceProblems(_ created: [Wishes.Wish]) -> [String] {
        let invoices = world.stripe.objects(.invoice).filter { $0.string("billing_reason") == "subscription_create" }
        var problems: [String] = []
        for wish in created {
            guard let id = wish.answer?["subscriptionId"]?.stringValue else { continue }
            let price = world.stripe.objects(.price).first { $0["lookup_key"] == wish.params["lookupKey"] }
            let isTrial = wish.params["trialDays"] != nil
            let asked = isTrial ? 0 : price?.integer("unit_amount")
            let found = invoices.filter { $0["parent"]?["subscription_details"]?["subscription"]?.stringValue == id }
            if found.map({ $0.integer("total") }) != [asked] {
                problems.append(
                    "\(wish.name) asked for \(asked ?? 0), and \(id) began with \(found.map { $0.integer("total") ?? 0 })")
            }
        }
        return problems
    }

    /// What a change of plan says that it charged is what was paid; what was not paid then may have been paid later.
    private func changeProblems() -> [String] {
        var problems: [String] = []
        for wish in wishes.all where wish.method == .updatePlan {
            guard let charged = wish.answer?["amountCharged"]?.integerValue, charged != 0 else { continue }
            let invoice = world.stripe.objects(.invoice).first { $0["id"] == wish.answer?["invoiceId"] }
            if invoice?.integer("amount_paid") != charged {
                problems.append("\(wish.name) was told of \(charged), and paid \(invoice?.integer("amount_paid") ?? 0)")
            }
        }
        return problems
    }

    /// Whatever was charged stands on an invoice, and whatever an invoice says was paid was charged.
    private func chargeProblems() -> [String] {
        var balance: [String: Int64] = [:]
        for charge in world.stripe.objects(.charge) where charge.string("status") == "succeeded" {
            balance[charge.string("customer") ?? "", default: 0] += charge.integer("amount") ?? 0
        }
        for invoice in world.stripe.objects(.invoice) {
            balance[invoice.string("customer") ?? "", default: 0] -= invoice.integer("amount_paid") ?? 0
        }
        return balance.filter { $0.value != 0 }.sorted { $0.key < $1.key }.map {
            "\($0.key) was charged \($0.value) more than the invoices say"
        }
    }
}

extension Wishes.Wish {
    /// What its callers were told.
    fileprivate var answer: JSONValue? { answers.first.flatMap { try? JSONValue(parsing: $0) } }
}
