/// An error that Stripe answered with (https://docs.stripe.com/api/errors).
internal import HTTP
package import JSON

package struct StripeRefusal: Sendable, Equatable {
    package let httpStatus: Int
    /// `api_error`, `card_error`, `idempotency_error` or `invalid_request_error`; others may come.
    package let type: String?
    package let code: String?
    package let declineCode: String?
    /// The parameter at fault, in Stripe's notation: `items[0][price]`.
    package let param: String?
    /// Stripe's own sentence.
    package let message: String
    package let docURL: String?
    package let adviceCode: String?
    /// `Stripe-Rate-Limited-Reason`: `global-rate`, `endpoint-rate`, `resource-specific`, …
    package let rateLimitReason: String?
    /// Whether this is the stored answer to an earlier call with the same idempotency key.
    package let isReplayed: Bool
    /// The id of the failed charge.
    package let charge: String?
    /// The whole intent where a card error carries one. Holds a client secret: for the caller's reply, not for logs.
    package let paymentIntent: JSONValue?
    /// As `paymentIntent`.
    package let setupIntent: JSONValue?
    package let paymentMethod: JSONValue?
}

extension StripeRefusal {
    /// Reads an error body. Nil where it is none (no JSON, or no member `error`).
    ///
    /// OAuth endpoints send `{"error": "code", "error_description": "…"}`; any error that is a text is read so.
    init?(_ response: HTTPResponse, _ body: JSONValue?) {
        guard let error = body?["error"], error.kind == .object || error.kind == .string else { return nil }
        self.init(
            httpStatus: response.status, headers: response.headers, error: error,
            message: error["message"]?.stringValue ?? body?["error_description"]?.stringValue ?? error.stringValue)
    }

    /// A server error without a body of Stripe's, as a load balancer before it answers.
    init(bodilessServerError response: HTTPResponse) {
        self.init(httpStatus: response.status, headers: response.headers, error: .null, message: nil)
    }

    private init(httpStatus: Int, headers: HTTPHeaders, error: JSONValue, message: String?) {
        let object = { (key: String) -> JSONValue? in error[key]?.kind == .object ? error[key] : nil }
        self.httpStatus = httpStatus
        type = error["type"]?.stringValue
        code = error["code"]?.stringValue ?? error.stringValue
        declineCode = error["decline_code"]?.stringValue
        param = error["param"]?.stringValue
        self.message = message ?? "Stripe answered with HTTP status \(httpStatus)."
        docURL = error["doc_url"]?.stringValue
        adviceCode = error["advice_code"]?.stringValue
        rateLimitReason = headers["Stripe-Rate-Limited-Reason"]
        isReplayed = headers["Idempotent-Replayed"] == "true"
        charge = error["charge"]?.stringValue ?? error["charge"]?["id"]?.stringValue
        paymentIntent = object("payment_intent")
        setupIntent = object("setup_intent")
        paymentMethod = object("payment_method")
    }
}

extension StripeRefusal: CustomStringConvertible, CustomReflectable {
    package var description: String {
        let marks = [type, code, declineCode, param.map { "param \($0)" }].compactMap(\.self)
        return "Stripe refused with \(httpStatus)" + (marks.isEmpty ? "" : " (\(marks.joined(separator: ", ")))")
            + ": \(message)"
    }

    package var customMirror: Mirror { Mirror(self, children: ["refusal": description]) }
}
