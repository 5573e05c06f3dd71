import JSON

/// An error as Stripe answers it: the HTTP status, the members of `error`, and what becomes of the changes made so far.
struct APIFailure: Error {
    var status: Int
    /// `invalid_request_error`, `card_error`, `idempotency_error` or `api_error`: the only types on the wire.
    var type = "invalid_request_error"
    var code: String?
    var message: String
    var param: String?
    /// Further members of `error`: `decline_code`, `charge`, `payment_intent`, ...
    var details: JSONObject = [:]
    /// Whether what was changed before the failure stays, as a declined payment's charge does.
    var keepsChanges = false
    var headers: [(String, String)] = []

    init(_ status: Int, _ message: String, code: String? = nil, param: String? = nil) {
        self.status = status
        self.message = message
        self.code = code
        self.param = param
    }

    /// Where a code is explained.
    static func page(of code: String) -> String {
        "https://stripe.com/docs/error-codes/\(String(code.map { $0 == "_" ? "-" : $0 }))"
    }

    /// The response's body. Absent members are left out, as Stripe does.
    func body(requestID: String, now: Int64) -> JSONValue {
        var error: JSONObject = [:]
        if let code {
            error["code"] = .string(code)
            if code != "subscription_payment_intent_requires_action" {
                error["doc_url"] = .string(Self.page(of: code))
            }
        }
        error["message"] = .string(message)
        if let param { error["param"] = .string(param) }
        if !message.hasPrefix("Unrecognized request URL") {
            error["request_log_url"] = .string("https://dashboard.stripe.com/test/logs/\(requestID)?t=\(now)")
        }
        error["type"] = .string(type)
        for (key, value) in details { error[key] = value }
        return .object(["error": .object(error)])
    }
}

// MARK: The wordings that many endpoints share (recorded in Stripe's test mode unless marked)

extension APIFailure {
    static func missing(_ param: String) -> APIFailure {
        APIFailure(400, "Missing required param: \(param).", code: "parameter_missing", param: param)
    }

    static func invalid(_ message: String, param: String? = nil, code: String? = nil) -> APIFailure {
        APIFailure(400, message, code: code, param: param)
    }

    /// An id that names nothing: 404 when it stands in the path, 400 elsewhere.
    static func absent(_ kind: ObjectKind, _ id: String, param: String, status: Int = 400) -> APIFailure {
        switch kind {
        case .subscriptionItem: APIFailure(404, "Invalid subscription_item id: \(id)")
        case .invoiceItem:
            APIFailure(
                status, "No such Invoice Item: '\(id)'(livemode=false)", code: "resource_missing", param: param)
        default: APIFailure(status, "No such \(kind.noun): '\(id)'", code: "resource_missing", param: param)
        }
    }

    static func inPast(_ param: String, _ value: Int64) -> APIFailure {
        .invalid(
            "The parameter `\(param)` expects a unix timestamp representing a date and time in the future. You "
                + "specified the value `\(value)` which is in the past.", param: param)
    }

    static func tooFar(_ param: String) -> APIFailure {
        .invalid("Invalid timestamp: can be no more than five years in the future.", param: param)
    }

    /// A parameter that Stripe knows and this sandbox does not emulate: said aloud rather than ignored.
    static func notEmulated(_ param: String) -> APIFailure {
        .invalid("The sandbox does not emulate `\(param)` yet.", param: param, code: "sandbox_not_emulated")
    }

    static func tooMuchMetadata(_ param: String) -> APIFailure {
        .invalid("Metadata can have at most \(ParameterDecoder.mostMetadataKeys) keys.", param: param)
    }

    static func keyInUse(_ key: String) -> APIFailure {
        var failure = APIFailure(
            409,
            "There is currently another in-progress request using this Idempotent Key (that probably means you submitted "
                + "twice, and the other request is still going through): \(key). Please try again later.",
            code: "idempotency_key_in_use")
        failure.type = "idempotency_error"
        return failure
    }

    static let amountTooLarge = APIFailure.invalid("The amount is too large.", code: "amount_too_large")
}
