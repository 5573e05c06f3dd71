import JSON

/// Events: what happened, as snapshots in the order in which it happened.
///
/// Shape and `previous_attributes` as Stripe documents them (docs.stripe.com/api/events/object): only changed members,
/// with their old values; within an object only its changed members; a list whole; null for a member that is new.
extension Account {
    /// Records that `type` happened to an object, as it is now.
    func emit(_ type: String, _ kind: ObjectKind, _ id: String) { emit(type, object: rendered(kind, id), previous: nil) }

    /// Records a change of an object that was `before`; nothing when nothing visible changed.
    func emitUpdate(_ type: String, _ kind: ObjectKind, _ id: String, since before: JSONObject) {
        let after = rendered(kind, id)
        let previous = Self.difference(from: before, to: after)
        if !previous.isEmpty { emit(type, object: after, previous: previous) }
    }

    func emit(_ type: String, object: JSONObject, previous: JSONObject?) {
        let id = newID(.event, sideEffect: cause == nil)
        let endpoints = endpoints(wanting: type)
        var data: JSONObject = ["object": .object(object)]
        if let previous { data["previous_attributes"] = .object(previous) }
        put(
            .event,
            [
                "id": .string(id), "object": "event", "api_version": .string(Self.apiVersion),
                "created": .integer(ownTime), "data": .object(data), "livemode": false,
                "pending_webhooks": .integer(Int64(endpoints.count)),
                "request": [
                    "id": .optional(cause?.requestID), "idempotency_key": .optional(cause?.idempotencyKey),
                ],
                "type": .string(type),
            ])
        for endpoint in endpoints {
            let delivery = EventDelivery(event: id, endpoint: endpoint)
            undelivered.add(delivery)
            outbox.append(delivery)
        }
    }

    /// Who gets events of a type now.
    func endpoints(wanting type: String) -> [String] {
        var endpoints = hasConfiguredEndpoint ? [EventDelivery.configuredEndpoint] : []
        for id in store.ids(.webhookEndpoint) {
            guard let endpoint = find(.webhookEndpoint, id), endpoint.string("status") == "enabled" else { continue }
            let wanted = endpoint.array("enabled_events")
            if wanted.contains("*") || wanted.contains(.string(type)) { endpoints.append(id) }
        }
        return endpoints
    }

    /// The old values of what differs.
    static func difference(from before: JSONObject, to after: JSONObject) -> JSONObject {
        var changed: JSONObject = [:]
        for (position, (key, value)) in after.enumerated() {
            guard let old = before.value(of: key, likelyAt: position) else {
                changed[key] = .null
                continue
            }
            if old == value { continue }
            if case .object(let oldObject) = old, case .object(let newObject) = value {
                changed[key] = .object(difference(from: oldObject, to: newObject))
            } else {
                changed[key] = old
            }
        }
        for (position, (key, old)) in before.enumerated() where after.value(of: key, likelyAt: position) == nil {
            changed[key] = old
        }
        return changed
    }

    // MARK: Delivery

    /// An endpoint answered 2xx.
    func acknowledge(_ delivery: EventDelivery) {
        guard undelivered.remove(delivery) else { return }
        change(.event, delivery.event) { event in
            event["pending_webhooks"] = .integer(max(0, (event.integer("pending_webhooks") ?? 0) - 1))
        }
    }

    /// Nobody will try this delivery again.
    func abandon(_ delivery: EventDelivery) { undelivered.remove(delivery) }
}

// MARK: Endpoints

extension Account {
    static let eventRoutes: [Route] = [
        Route("GET /v1/events", "@list type types:[text] delivery_success:bool", Account.listEvents),
        Route("GET /v1/events/{id}", "", Account.retrieveEvent),
    ]

    func retrieveEvent(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.event, try named(.event, call.id)))
    }

    func listEvents(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        if params.has("type"), params.has("types") {
            throw .invalid("You may only specify one of these parameters: type, types.")
        }
        let patterns = params.string("type").map { [$0] } ?? params.array("types").compactMap(\.stringValue)
        let delivered = params["delivery_success"]?.boolValue
        let exact = patterns.count == 1 && !patterns[0].hasSuffix("*") ? patterns.first : nil
        let group = exact.map { (member: "type", value: $0) }
        return try list(.event, call, group: group, by: ["type", "pending_webhooks"]) { event in
            let type = event.string("type") ?? ""
            if !patterns.isEmpty, !patterns.contains(where: { Self.matches(type, $0) }) { return false }
            return delivered.map { ($0 == (event.integer("pending_webhooks") == 0)) } ?? true
        }
    }

    /// `customer.subscription.*` stands for every type that begins so.
    private static func matches(_ type: String, _ pattern: String) -> Bool {
        pattern.hasSuffix("*") ? type.hasPrefix(pattern.dropLast()) : type == pattern
    }
}
