import Contract
import JSON
import Store

@testable import Sandbox

/// What has to be true when all is calm.
extension Cast {
    /// What is wrong, each in a sentence.
    func check() async throws -> [String] {
        let ledger = try Ledger(world)
        var found = wishes.problems + watcher.problems + postman.problems
        found += try journalProblems(ledger)
        found += try ledger.problems(against: world.stripe)
        found += wishProblems()
        found += moneyProblems()
        found += try accessProblems()
        // Last: what it finds it corrects.
        return found + (try await driftProblems(ledger))
    }

    // MARK: Drift

    /// Reconcile finds nothing, beside what no event tells: what was there before the first one, and that the payment methods of
    /// a deleted customer are nobody's any more.
    private func driftProblems(_ ledger: Ledger) async throws -> [String] {
        guard let process = host.current else { return ["nobody is there to look for drift"] }
        let gone = world.stripe.objects(.customer).filter { $0.flag("deleted") }.map(\.id)
        let orphans = try ledger.rows(.paymentMethods).filter { row in
            gone.contains { row.value?.contains("customer \($0)") == true }
        }
        var problems: [String] = []
        var params: JSONObject = ["limit": 1000]
        while true {
            guard case .success(let bytes)? = await process.call(.reconcile, .object(params)) else {
                return problems + ["Reconcile does not answer"]
            }
            let answer = try JSONValue(parsing: bytes)
            for drift in answer["drift"]?.arrayValue ?? [] {
                let isOlder =
                    drift["found"] == "MISSING" && ["product", "price"].contains(drift["objectType"]?.stringValue)
                let isOrphan = drift["objectId"]?.stringValue.map { orphans[$0] != nil } ?? false
                if !isOlder, !isOrphan { problems.append("Reconcile finds drift: \(drift.text)") }
            }
            guard let cursor = answer["nextCursor"], cursor != .null else { return problems }
            params["cursor"] = cursor
        }
    }

    // MARK: Events

    /// Nothing that was acknowledged, or that Stripe has, is missing; every event is closed, and was shown once, in order.
    private func journalProblems(_ ledger: Ledger) throws -> [String] {
        var problems: [String] = []
        let journal = Set(try ledger.journal)
        for id in postman.accepted.subtracting(journal).sorted() {
            problems.append("the event \(id) was answered 200 and is not in the journal")
        }
        for event in world.stripe.objects(.event).map(\.id) where !journal.contains(event) {
            problems.append("Stripe has the event \(event), and the journal lacks it")
        }
        let waiting = try ledger.waiting
        if waiting > 0 { problems.append("\(waiting) events wait") }
        let changes = try ledger.changes
        if changes != Array(changes.indices).map({ Int64($0 + 1) }) { problems.append("the changes have gaps") }
        let (closed, seen) = (try ledger.closed, watcher.seen)
        if Set(closed.map(\.event)).count != closed.count { problems.append("an event was closed twice") }
        if seen.map(\.change) != closed.map(\.change) || seen.map(\.event) != closed.map(\.event) {
            problems.append(
                "of \(closed.count) closed events the stream showed \(seen.count), or others, or in another order")
        }
        return problems
    }

    // MARK: Wishes

    /// One answer for each wish, and what it does is done once.
    private func wishProblems() -> [String] {
        var problems: [String] = []
        var done: [String: Set<String>] = [:]
        for effect in world.stripe.effects where effect.caller.hasPrefix("customer") {
            let wish = String(effect.caller.prefix { $0 != "." })
            if !done[wish, default: []].insert(effect.request).inserted {
                problems.append("\(wish) had its effect twice: \(effect.request)")
            }
        }
        for wish in wishes.all where wish.params["_meta"] != nil {
            if wish.answers.contains(where: { $0 != wish.answers[0] }) {
                problems.append("\(wish.name) has several answers")
            }
        }
        return problems
    }

    // MARK: Access

    /// Access is what Stripe's subscriptions say.
    private func accessProblems() throws -> [String] {
        guard let process = host.current else { return ["nobody is there to be asked for access"] }
        let subscriptions = world.stripe.objects(.subscription)
        let products = Set(subscriptions.flatMap(Self.products)).sorted()
        var problems: [String] = []
        for customer in Set(subscriptions.compactMap { $0.string("customer") }).sorted() {
            for product in products {
                let held = subscriptions.filter { $0.string("customer") == customer && Self.products($0).contains(product) }
                let isGranted = held.contains { ["active", "trialing"].contains($0.string("status")) }
                // Whether it lies within its grace is a matter of when that was noticed.
                let isOpen = !isGranted && held.contains { $0.string("status") == "past_due" }
                let (answer, _) = try process.checkAccess(
                    ["customerId": .string(customer), "productId": .string(product)])
                if !isOpen, answer["allowed"]?.boolValue != isGranted {
                    problems.append("access of \(customer) to \(product) is \(answer.text), and should be \(isGranted)")
                }
            }
        }
        return problems
    }

    private static func products(_ subscription: JSONObject) -> [String] {
        (subscription["items"]?["data"]?.arrayValue ?? []).compactMap { $0["price"]?["product"]?.stringValue }
    }
}
