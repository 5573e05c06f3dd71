/// What Stripe's errors mean to us: a row an error, the last column its category.
internal import HTTP
internal import JSON
@testable internal import Stripe
internal import Testing

@Suite struct RefusalTests {
    typealias Category = StripeRefusal.Category

    static func missing(_ object: String?, _ id: String?) -> Category {
        .resourceMissing(.init(object: object, id: id))
    }

    @Test(
        arguments: [
            (404, "invalid_request_error", "resource_missing", "No such customer: 'cus_x'", missing("customer", "cus_x")),
            (400, "invalid_request_error", "resource_missing", "No such price: 'price_x'", missing("price", "price_x")),
            (
                400, "invalid_request_error", "resource_missing", "No such PaymentMethod: 'pm_x'",
                missing("payment_method", "pm_x")
            ),
            (
                404, "invalid_request_error", "resource_missing", "No such setupintent: 'seti_x'",
                missing("setup_intent", "seti_x")
            ),
            (
                400, "invalid_request_error", "resource_missing", "No such promotion code: 'promo_x'",
                missing("promotion_code", "promo_x")
            ),
            (
                400, "invalid_request_error", "resource_missing", "No such Invoice Item: 'ii_x'(livemode= false)",
                missing("invoiceitem", "ii_x")
            ),
            (
                404, "invalid_request_error", "resource_missing",
                "No such customer: 'cus_x'; a similar object exists in test mode, but a live mode key was used to make this request.",
                missing("customer", "cus_x")
            ),
            (404, "invalid_request_error", "resource_missing", "Gone.", missing(nil, nil)),
            (404, "invalid_request_error", nil, "Invalid subscription_item id: si_x", missing("subscription_item", "si_x")),
            (404, "invalid_request_error", nil, "Unrecognized request URL (GET: /v1/foo).", .invalidRequest),
            (
                400, "invalid_request_error", "resource_missing",
                "This customer has no attached payment source or default payment method. Please consider adding one.",
                .noPaymentMethod
            ),
            (402, "card_error", "card_declined", "Your card has insufficient funds.", .card),
            (402, "card_error", "expired_card", "Your card has expired.", .card),
            (402, nil, nil, "Failed.", .card),
            (
                402, "card_error", "authentication_required", "This transaction requires authentication.",
                .authenticationRequired
            ),
            (402, "card_error", "invoice_payment_intent_requires_action", "Needs action.", .authenticationRequired),
            (402, "card_error", "subscription_payment_intent_requires_action", "Needs action.", .authenticationRequired),
            (400, "invalid_request_error", "parameter_unknown", "Received unknown parameter: foo", .invalidRequest),
            (400, "idempotency_error", nil, "Keys for idempotent requests can only be used with…", .idempotencyMismatch),
            (409, "idempotency_error", "idempotency_key_in_use", "There is currently another…", .idempotencyKeyInUse),
            (409, "invalid_request_error", nil, "Conflict.", .conflict),
            (401, "invalid_request_error", nil, "Invalid API Key provided: sk_test_****1234", .keyRejected),
            (403, "invalid_request_error", nil, "The provided key does not have…", .permissionDenied),
            (429, "invalid_request_error", "rate_limit", "Too many requests.", .rateLimited),
            (429, "invalid_request_error", "lock_timeout", "This object cannot be accessed right now…", .lockTimeout),
            (400, "invalid_request_error", "rate_limit", "Too many requests.", .rateLimited),
            (500, "api_error", nil, "Sorry.", .serverError),
            (503, nil, nil, "Sorry.", .serverError),
            (424, "api_error", nil, "A dependency failed.", .invalidRequest),
        ] as [(Int, String?, String?, String, Category)])
    func `an error has one meaning`(status: Int, type: String?, code: String?, message: String, category: Category) throws {
        var error: JSONObject = ["message": .string(message)]
        error["type"] = type.map(JSONValue.string)
        error["code"] = code.map(JSONValue.string)
        let refusal = try #require(
            StripeRefusal(HTTPResponse(status: status), .object(["error": .object(error)])))
        #expect(refusal.category == category)
        #expect(refusal.message == message)
        #expect(refusal.httpStatus == status)
    }

    @Test func `a declined card's error is read whole, and its secret shows nowhere`() throws {
        let body: JSONValue = [
            "error": [
                "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
                "message": "Your card has insufficient funds.", "charge": "ch_1", "param": "items[0][price]",
                "doc_url": "https://stripe.com/docs/error-codes/card-declined", "advice_code": "try_again_later",
                "payment_intent": ["id": "pi_1", "client_secret": "pi_1_secret_abc", "status": "requires_payment_method"],
                "payment_method": ["id": "pm_1"], "unheard_of": [1, 2],
            ]
        ]
        let response = HTTPResponse(
            status: 402, headers: ["stripe-rate-limited-reason": "global-rate", "Idempotent-Replayed": "true"])
        let refusal = try #require(StripeRefusal(response, body))
        #expect(refusal.declineCode == "insufficient_funds")
        #expect(refusal.charge == "ch_1")
        #expect(refusal.param == "items[0][price]")
        #expect(refusal.docURL == "https://stripe.com/docs/error-codes/card-declined")
        #expect(refusal.adviceCode == "try_again_later")
        #expect(refusal.rateLimitReason == "global-rate")
        #expect(refusal.isReplayed)
        #expect(refusal.paymentIntent?["client_secret"]?.stringValue == "pi_1_secret_abc")
        #expect(refusal.paymentMethod?["id"]?.stringValue == "pm_1")
        let error = StripeError(.refused(refusal), attempts: 1, requestID: "req_1")
        var text = "\(refusal) \(error) \(String(reflecting: refusal)) \(String(reflecting: error))"
        dump(error, to: &text)
        #expect(text.contains("insufficient_funds") && text.contains("req_1"))
        #expect(!text.contains("_secret_"))
    }

    @Test(arguments: [#"{}"#, #"{"error":null}"#, #"{"error":3}"#, #"[]"#, #""error""#])
    func `a body without an error is no refusal`(body: String) throws {
        #expect(StripeRefusal(HTTPResponse(status: 400), try JSONValue(parsing: body)) == nil)
        #expect(StripeRefusal(HTTPResponse(status: 400), nil) == nil)
    }

    @Test func `an OAuth error is read too`() throws {
        let body: JSONValue = ["error": "invalid_grant", "error_description": "The code has expired."]
        let refusal = try #require(StripeRefusal(HTTPResponse(status: 400), body))
        #expect(refusal.code == "invalid_grant")
        #expect(refusal.message == "The code has expired.")
    }
}
