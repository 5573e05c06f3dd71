/// What every decoded Stripe object shares: it keeps its JSON, and shows no more than its type and id.
///
/// Decoding is tolerant: only what makes an object useless without it is required. Unknown fields stay in `raw`,
/// unknown enum values stay texts, and a field that is absent or null is nil.
package import JSON

package protocol StripeObject: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    /// Nil where the JSON is not such an object.
    init?(_ raw: JSONValue)
    /// The whole object as it came; may hold client secrets.
    var raw: JSONValue { get }
}

extension StripeObject {
    package var description: String {
        "\(raw["object"]?.stringValue ?? "object") \(raw["id"]?.stringValue ?? "without id")"
    }
    package var customMirror: Mirror { Mirror(self, children: ["object": description]) }
}

/// A field that holds an id, or the whole object where it was expanded.
package struct StripeReference: Sendable, Equatable {
    package let id: String
    /// The object, where it was expanded.
    package let object: JSONValue?

    package init?(_ value: JSONValue?) {
        switch value {
        case .string(let id)? where !id.isEmpty: (self.id, object) = (id, nil)
        case .object(let fields)?:
            guard let id = fields["id"]?.stringValue else { return nil }
            (self.id, object) = (id, value)
        default: return nil
        }
    }
}

extension StripeReference: CustomStringConvertible, CustomReflectable {
    /// Without the object, which may hold client secrets.
    package var description: String { id }
    package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}

/// A page of a list, newest first.
package struct StripeList<Element: StripeObject>: Sendable {
    package let data: [Element]
    /// Whether there are more in the direction walked: go on with `starting_after` the last id.
    package let hasMore: Bool
    /// The id to go on after; nil at the end.
    package let nextCursor: String?

    package init?(_ raw: JSONValue) {
        guard let elements = raw["data"]?.arrayValue else { return nil }
        var data: [Element] = []
        for element in elements {
            guard let element = Element(element) else { return nil }
            data.append(element)
        }
        self.data = data
        hasMore = raw["has_more"]?.boolValue ?? false
        nextCursor = hasMore ? elements.last?["id"]?.stringValue : nil
    }
}

/// How a list is walked.
package struct StripePage: Sendable {
    /// 1 to 100; Stripe gives 10 where it is nil.
    package var limit: Int64?
    package var startingAfter: String?

    package init(limit: Int64? = nil, startingAfter: String? = nil) {
        self.limit = limit
        self.startingAfter = startingAfter
    }

    func write(to form: inout FormParameters) {
        form.set("limit", limit)
        form.set("starting_after", startingAfter)
    }
}

/// Between which two moments, in Unix seconds, what a list holds was made.
package struct StripeTimeRange: Sendable {
    /// Inclusive.
    package var start: Int64?
    /// Exclusive.
    package var end: Int64?

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("gte", start)
        form.set("lt", end)
        return form
    }
}

// MARK: Reading

extension JSONValue {
    /// The value at the end of `keys`; nil where there is none and where it is null.
    func at(_ keys: String...) -> JSONValue? {
        var value: JSONValue? = self
        for key in keys { value = value?[key] }
        return value == .null ? nil : value
    }

    func text(_ key: String) -> String? { self[key]?.stringValue }
    func integer(_ key: String) -> Int64? { self[key]?.integerValue }
    func flag(_ key: String) -> Bool? { self[key]?.boolValue }
    func reference(_ key: String) -> StripeReference? { StripeReference(self[key]) }

    /// The price that an item or a line is of, and its product: from `price`, or from its older form `plan`.
    var sold: (priceID: String?, productID: String?) {
        let forms = [reference("price"), reference("plan")].compactMap(\.self)
        return (forms.first?.id, forms.lazy.compactMap { $0.object?.reference("product")?.id }.first)
    }

    /// The discounts at work: several in `discounts`, or the one in `discount`, which customers still have, and
    /// subscriptions and invoices had before basil (2025-03-31).
    var discounts: [StripeReference] {
        let several = elements("discounts").compactMap(StripeReference.init)
        return several.isEmpty ? [reference("discount")].compactMap(\.self) : several
    }

    /// The elements of a list object or of a plain array.
    func elements(_ key: String) -> [JSONValue] { self[key]?["data"]?.arrayValue ?? self[key]?.arrayValue ?? [] }

    /// Stripe's metadata: texts only. Other values are left out.
    var metadata: [String: String] {
        self["metadata"]?.objectValue?.reduce(into: [:]) { $0[$1.key] = $1.value.stringValue } ?? [:]
    }
}

// MARK: Calling

extension StripeClient {
    /// Calls and decodes; an answer of another shape is `.garbled`.
    func answer<Object: StripeObject>(
        _ method: Method, _ path: StripePath, _ form: FormParameters = [:], _ options: StripeCallOptions,
        as type: Object.Type = Object.self
    ) async throws(StripeError) -> StripeAnswer<Object> {
        let reply = try await call(
            method, path, form, idempotencyKey: options.idempotencyKey, deadline: options.deadline)
        guard let object = Object(reply.value) else { throw garbled(reply, "not a \(Object.self)") }
        return StripeAnswer(object: object, reply: reply)
    }

    /// As `answer`, for a list.
    func list<Element: StripeObject>(
        _ path: StripePath, _ form: FormParameters, _ options: StripeCallOptions, of type: Element.Type = Element.self
    ) async throws(StripeError) -> StripeAnswer<StripeList<Element>> {
        let reply = try await call(.get, path, form, deadline: options.deadline)
        guard let list = StripeList<Element>(reply.value) else { throw garbled(reply, "not a list of \(Element.self)") }
        return StripeAnswer(object: list, reply: reply)
    }

    private func garbled(_ reply: StripeReply, _ problem: String) -> StripeError {
        StripeError(.garbled(problem), attempts: reply.attempts, requestID: reply.requestID, mayHaveBeenExecuted: true)
    }

    static func expanding(_ fields: [String]) -> FormParameters {
        var form = FormParameters()
        form.set("expand", fields)
        return form
    }
}
