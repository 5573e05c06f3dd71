import JSON

@testable import Sandbox
@testable import Store

/// The mirror beside the truth.
extension Ledger {
    /// Where the rows are not what Stripe holds, each in a sentence.
    /// - Parameter isWhole: whether every event of the account has arrived, so that nothing may be missing.
    func problems(against stripe: FaultyStripe, isWhole: Bool = true) throws -> [String] {
        let kinds: [(MirrorKind, ObjectKind)] = [
            (.customers, .customer), (.subscriptions, .subscription), (.invoices, .invoice),
            (.paymentMethods, .paymentMethod), (.products, .product), (.prices, .price),
        ]
        let gone = stripe.objects(.customer).filter { $0.flag("deleted") }.map(\.id)
        var problems: [String] = []
        for (kind, objects) in kinds {
            var rows = try self.rows(kind)
            // No event tells that the payment methods of a deleted customer are nobody's any more.
            for customer in gone where kind == .paymentMethods {
                rows = rows.mapValues { $0?.replacing("customer \(customer)", with: "customer null") }
            }
            for object in stripe.objects(objects) {
                // What was there before the first event is known as far as something asked for it.
                guard let row = rows[object.id] else {
                    if isWhole, [.customers, .subscriptions, .invoices].contains(kind) {
                        problems.append("\(object.id) is not in the mirror")
                    }
                    continue
                }
                let truth = object.flag("deleted") ? nil : Ledger.text(kind, Self.values(kind, object))
                if row != truth {
                    problems.append("\(object.id) is \(truth ?? "gone"), and its row \(row ?? "a tombstone")")
                }
            }
        }
        let items = try self.items
        for subscription in stripe.objects(.subscription) {
            let truth = Self.items(subscription)
            if items[subscription.id] != truth, isWhole || items[subscription.id] != nil {
                problems.append(
                    "\(subscription.id) has the items \(truth), and its row \(items[subscription.id] ?? "none")")
            }
        }
        return problems
    }

    private static func values(_ kind: MirrorKind, _ object: JSONObject) -> [String] {
        Ledger.columns(kind).map { _, path in
            let value = path.reduce(JSONValue?.some(.object(object))) { $0?[$1] }
            return text(value?["id"] ?? value)
        }
    }

    private static func items(_ subscription: JSONObject) -> String {
        let items = subscription["items"]?["data"]?.arrayValue ?? []
        return items.map { item in
            [
                item["id"], item["price"]?["id"], item["price"]?["product"], item["quantity"], item["current_period_start"],
                item["current_period_end"],
            ].map(text).joined(separator: " ")
        }.joined(separator: ", ")
    }

    /// As SQLite writes a column.
    private static func text(_ value: JSONValue?) -> String {
        switch value {
        case nil, .null?: "null"
        case .string(let text)?: text
        case .bool(let flag)?: flag ? "1" : "0"
        case let value?: value.text
        }
    }
}
