import JSON

/// Deliveries on order: an event goes once more to those who want it, whether or not they have it already.
extension Account {
    static let redeliveryRoutes: [Route] = [
        Route("POST /sandbox/events/{id}/deliver", "endpoint @order", Account.deliverAgain)
    ]

    /// To every endpoint that wants the event now, or to one of them.
    func deliverAgain(_ call: Call) throws(APIFailure) -> JSONValue {
        let event = try named(.event, call.id)
        let type = event.string("type") ?? ""
        var endpoints = endpoints(wanting: type)
        if let one = call.params.string("endpoint") { endpoints.removeAll { $0 != one } }
        guard !endpoints.isEmpty else { throw .invalid("No endpoint wants \(type).", param: "endpoint") }
        for endpoint in endpoints {
            let delivery = EventDelivery(event: call.id, endpoint: endpoint)
            undelivered.add(delivery)
            outbox.append(delivery)
        }
        change(.event, call.id) {
            $0["pending_webhooks"] = .integer(max($0.integer("pending_webhooks") ?? 0, Int64(endpoints.count)))
        }
        return call.answer([
            "object": "sandbox.delivery", "event": .string(call.id),
            "endpoints": .array(endpoints.map(JSONValue.string)),
        ])
    }
}
