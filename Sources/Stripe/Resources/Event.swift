/// Events (https://docs.stripe.com/api/events), as listed and as delivered to a webhook.
package import JSON

package struct StripeEvent: StripeObject {
    package let id: String
    /// `customer.subscription.updated`, …
    package let type: String
    /// Unix seconds; two events of one object may share one.
    package let created: Int64
    /// The version in which `object` is written; that of the webhook endpoint, not necessarily ours.
    package let apiVersion: String?
    package let isLive: Bool?
    /// The connected account it happened on.
    package let account: String?
    /// The object after the event, expandable fields as ids; of a thin event what it names in its place, which may be nothing.
    package let object: JSONValue
    /// Nil for objects without one (`balance`, an upcoming invoice).
    package let objectID: String?
    /// `subscription`, `invoice`, …
    package let objectType: String?
    /// The changed fields with their old values; only of `*.updated`.
    package let previousAttributes: JSONValue?
    /// The API request that caused it; nil for what Stripe did by itself.
    package let requestID: String?
    package let requestIdempotencyKey: String?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        let isThin = raw.isThinEvent
        guard let id = raw.text("id"), let type = raw.text("type"),
            let created = raw.integer("created") ?? raw.text("created").flatMap(RFC3339.unixSeconds),
            let object = isThin ? raw.at("related_object") ?? [:] : raw.at("data", "object"), object.kind == .object
        else { return nil }
        self.id = id
        self.type = type
        self.created = created
        self.object = object
        apiVersion = raw.text("api_version")
        isLive = raw.flag("livemode")
        account = raw.text("account")
        objectID = object.text("id")
        objectType = object.text("object")
        previousAttributes = raw.at("data", "previous_attributes")
        // An object since 2017, an id before.
        requestID = raw["request"]?.text("id") ?? raw.text("request")
        requestIdempotencyKey = raw["request"]?.text("idempotency_key")
        self.raw = raw
    }

    /// The customer whom the event concerns, where its object names one.
    package var customerID: String? {
        if let related { return related.collection == "customers" ? related.id : nil }
        return objectType == "customer" ? objectID : object.reference("customer")?.id
    }

    /// The subscription which the event concerns, where its object names one.
    package var subscriptionID: String? {
        if let related { return related.collection == "subscriptions" ? related.id : nil }
        if objectType == "subscription" { return objectID }
        return objectType == "invoice"
            ? StripeInvoice.subscriptionID(of: object) : object.reference("subscription")?.id
    }
}

extension StripeEvent {
    /// What a thin event names; nil for an event that bears its object.
    package var related: StripeRelatedObject? { raw.isThinEvent ? StripeRelatedObject(object) : nil }

    /// Whether the object is written as it was before billing periods moved to the items and an invoice's subscription to its
    /// parent: not every one can then be read for what it is.
    package var isOfOlderShape: Bool { apiVersion.map { $0 < StripeAPI.oldestShapes } ?? false }
}

extension JSONValue {
    fileprivate var isThinEvent: Bool { text("object") == "v2.core.event" }
}

/// What a thin event is about (https://docs.stripe.com/api/v2/core/events): Stripe is to be asked for it.
package struct StripeRelatedObject: Sendable, Equatable {
    package let id: String
    /// The name of the list in which it is found, as paths have it: `subscriptions`, `billing/meters`, …
    package let collection: String

    init?(_ raw: JSONValue) {
        let path = (raw.text("url") ?? "").split(separator: "/")
        guard let id = raw.text("id"), path.count >= 3, path[0] == "v1", path[path.count - 1] == id else { return nil }
        self.id = id
        collection = path[1..<(path.count - 1)].joined(separator: "/")
    }
}

/// Which events a list holds. Stripe keeps them for 30 days.
package struct EventFilter: Sendable {
    package var created = StripeTimeRange()
    /// At most twenty.
    package var types: [String]?
    package var page = StripePage()
    /// Walks towards newer events instead.
    package var endingBefore: String?

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("created", created.form)
        form.set("types", types)
        page.write(to: &form)
        form.set("ending_before", endingBefore)
        return form
    }
}

extension StripeClient {
    package func listEvents(
        _ filter: EventFilter, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeEvent>> {
        try await list(["events"], filter.form, options)
    }

    package func retrieveEvent(
        _ id: String, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeEvent> {
        try await answer(.get, ["events", id], [:], options)
    }
}
