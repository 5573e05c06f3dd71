/// The details of an error: violations of a schema, and Stripe's refusal.
package import JSON

/// One place of a message that breaks the method's schema.
package struct Violation: Sendable, Equatable, JSONWritable {
    /// JSON Pointer (RFC 6901) from params; empty for params themselves.
    package let pointer: String
    /// The keyword of JSON Schema that is broken, or the name of a rule across members.
    package let rule: String
    /// What must be, and what was found. Holds no secret.
    package let message: String

    package init(pointer: String, rule: String, message: String) {
        self.pointer = pointer
        self.rule = rule
        self.message = message
    }

    package init(json: JSONValue) {
        self.init(
            pointer: json["pointer"]?.stringValue ?? "", rule: json["rule"]?.stringValue ?? "",
            message: json["message"]?.stringValue ?? "")
    }

    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("pointer", pointer)
        writer.member("rule", rule)
        writer.member("message", message)
        writer.endObject()
    }
}

/// What Stripe's error object said (https://docs.stripe.com/api/errors).
package struct StripeRefusal: Sendable, Equatable, JSONWritable {
    /// card_error, invalid_request_error, idempotency_error or api_error.
    package var type: String?
    package var code: String?
    /// The bank's reason, where a card was declined.
    package var declineCode: String?
    /// Stripe's name of the parameter that it refused.
    package var param: String?
    /// Stripe's id of the request (req_…), which their support asks for.
    package var requestId: String?
    package var docUrl: String?
    package var httpStatus: Int?

    package init(
        type: String? = nil, code: String? = nil, declineCode: String? = nil, param: String? = nil,
        requestId: String? = nil, docUrl: String? = nil, httpStatus: Int? = nil
    ) {
        self.type = type
        self.code = code
        self.declineCode = declineCode
        self.param = param
        self.requestId = requestId
        self.docUrl = docUrl
        self.httpStatus = httpStatus
    }

    /// Nil for what is not an object.
    package init?(json: JSONValue) {
        guard case .object = json else { return nil }
        self.init(
            type: json["type"]?.stringValue, code: json["code"]?.stringValue,
            declineCode: json["declineCode"]?.stringValue, param: json["param"]?.stringValue,
            requestId: json["requestId"]?.stringValue, docUrl: json["docUrl"]?.stringValue,
            httpStatus: json["httpStatus"]?.integerValue.flatMap(Int.init(exactly:)))
    }

    /// Members that Stripe did not give are left out, as Stripe does.
    package func write(into writer: inout JSONWriter) {
        writer.beginObject()
        writer.memberIfPresent("type", type)
        writer.memberIfPresent("code", code)
        writer.memberIfPresent("declineCode", declineCode)
        writer.memberIfPresent("param", param)
        writer.memberIfPresent("requestId", requestId)
        writer.memberIfPresent("docUrl", docUrl)
        writer.memberIfPresent("httpStatus", httpStatus.map(Int64.init))
        writer.endObject()
    }
}
