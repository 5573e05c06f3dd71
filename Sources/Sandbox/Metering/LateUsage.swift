import JSON

/// Usage that is reported while the invoice of its period is still a draft: it counts until the invoice is final
/// (docs.stripe.com/billing/subscriptions/usage-based/recording-usage).
extension Account {
    /// Remembers what a draft's usage lines were made of.
    func rememberUsage(of item: JSONObject, until end: Int64, in windows: inout [JSONValue]) {
        guard let counted = countedUsage(of: item, until: end) else { return }
        windows.append([
            "item": .string(item.id), "price": item["_price"] ?? .null, "start": .integer(counted.start),
            "end": .integer(end), "quantity": .string(counted.quantity.decimal),
        ])
    }

    /// Counts the usage of a draft anew, on its way to become final.
    func countLateUsage(of invoice: String) {
        var hasChanged = false
        for window in known(.invoice, invoice).array("_usage").compactMap(\.objectValue) {
            var item = known(.subscriptionItem, window.string("item") ?? "")
            item["_price"] = window["price"]
            item["current_period_start"] = window["start"]
            item["_billed_until"] = nil
            let end = window.integer("end") ?? 0
            guard let counted = countedUsage(of: item, until: end), counted.quantity.decimal != window.string("quantity"),
                let lines = try? usageLines(of: item, until: end)
            else { continue }
            for line in all(.invoiceLine, where: "invoice", is: invoice) where line.string("_usage_of") == item.id {
                change(.invoiceLine, line.id) { $0["_deleted"] = true }
            }
            for line in lines { _ = addLine(line, to: invoice) }
            hasChanged = true
        }
        if hasChanged { refreshTotals(of: invoice) }
    }
}
