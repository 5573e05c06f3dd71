import Crypto
import JSON

/// The endpoints of search. What was written is found at once; at Stripe it takes up to a minute.
extension Account {
    private static let searched: [(name: String, kind: ObjectKind, fields: [SearchField])] = [
        (
            "customers", .customer,
            [SearchField("email", .text), SearchField("name", .text), SearchField("phone", .text), created]
        ),
        (
            "invoices", .invoice,
            [
                SearchField("currency", .token), SearchField("customer", .token), SearchField("number", .text),
                SearchField("receipt_number", .text), SearchField("status", .text),
                SearchField("subscription", .text, member: "_subscription"), SearchField("total", .number), created,
            ]
        ),
        (
            "payment_intents", .paymentIntent,
            [
                SearchField("amount", .number), SearchField("currency", .token), SearchField("customer", .token),
                SearchField("status", .token), created,
            ]
        ),
        (
            "prices", .price,
            [
                SearchField("active", .token), SearchField("currency", .token), SearchField("lookup_key", .text),
                SearchField("product", .text), SearchField("type", .token),
            ]
        ),
        (
            "products", .product,
            [
                SearchField("active", .token), SearchField("description", .text), SearchField("name", .text),
                SearchField("shippable", .token), SearchField("url", .text),
            ]
        ),
        (
            "subscriptions", .subscription,
            [SearchField("status", .token), SearchField("canceled_at", .number), created]
        ),
    ]

    private static let created = SearchField("created", .number)

    static let searchRoutes: [Route] = searched.map { name, kind, fields in
        Route("GET /v1/\(name)/search", "query! limit:int page") { account in
            { call throws(APIFailure) in
                let query = try SearchQuery(
                    call.params.string("query") ?? "", name, fields + [SearchField("metadata", .text)])
                return try account.search(kind, query, call)
            }
        }
    }

    /// The page of the live objects that a query finds, newest first. The cursor names the last object of the page before.
    private func search(_ kind: ObjectKind, _ query: SearchQuery, _ call: Call) throws(APIFailure) -> JSONValue {
        let limit = min(100, max(1, call.params.integer("limit") ?? 10))
        var found = store.ids(kind).reversed().compactMap { find(kind, $0) }.filter(query.matches)
        let count = found.count
        if let cursor = call.params.string("page") {
            let last = Encoding.decodeBase64url(cursor).map { String(decoding: $0, as: UTF8.self) } ?? ""
            guard let place = store.ordinal(kind, last) else { throw .invalid("Invalid page: \(cursor)", param: "page") }
            found.removeAll { (store.ordinal(kind, $0.id) ?? 0) >= place }
        }
        let page = found.prefix(Int(limit))
        let hasMore = page.count < found.count
        var result: JSONObject = [
            "object": "search_result", "data": .array(page.map { .object(render(kind, $0)) }), "has_more": .bool(hasMore),
            "next_page": hasMore ? .optional(page.last.map { Encoding.base64url(Array($0.id.utf8)) }) : .null,
            "url": .string(call.url),
        ]
        if call.params.array("expand").contains("total_count") { result["total_count"] = .integer(Int64(count)) }
        return .object(result)
    }
}
