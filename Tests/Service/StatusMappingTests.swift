import Contract
import HTTP
import JSON
import Store
import Stripe
import Testing

@testable import Service

/// PROTOCOL section 4: what Stripe says, and what it becomes.
@Suite struct StatusMappingTests {
    /// A refusal as Stripe's client makes it of an answer.
    private func refusal(_ status: Int, _ error: JSONValue, headers: HTTPHeaders = [:]) async throws -> RPCError {
        let body = JSONValue.object(["error": error]).bytes
        let stripe = try ScriptedStripe(HTTPResponse(status: status, headers: headers, body: body))
        defer { stripe.stop() }
        do {
            _ = try await stripe.client.call(.get, ["customers", "cus_1"])
            throw Unexpected()
        } catch let error as StripeError {
            return RPCError(error)
        }
    }

    private struct Unexpected: Error {}

    struct Row: Sendable, CustomTestStringConvertible {
        let status: Int
        let error: JSONValue
        let expected: String
        let code: Int
        let retryable: Bool
        var testDescription: String { "\(status) \(error.text)" }
    }

    static let rows: [Row] = [
        Row(
            status: 404, error: ["code": "resource_missing", "message": "No such customer: 'cus_1'", "param": "id"],
            expected: "NOT_FOUND NO_SUCH_CUSTOMER", code: -32005, retryable: false),
        Row(
            status: 400,
            error: ["code": "resource_missing", "message": "No such price: 'price_1'", "param": "items[0][price]"],
            expected: "NOT_FOUND NO_SUCH_PRICE", code: -32005, retryable: false),
        Row(
            status: 404, error: ["message": "Invalid subscription_item id: si_1"],
            expected: "NOT_FOUND NO_SUCH_ITEM", code: -32005, retryable: false),
        Row(
            status: 404, error: ["code": "resource_missing", "message": "No such PaymentMethod: 'pm_1'"],
            expected: "NOT_FOUND NO_SUCH_PAYMENT_METHOD", code: -32005, retryable: false),
        Row(
            status: 402,
            error: ["type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds", "message": "m"],
            expected: "FAILED_PRECONDITION CARD_DECLINED", code: -32009, retryable: false),
        Row(
            status: 402, error: ["type": "card_error", "code": "expired_card", "message": "m"],
            expected: "FAILED_PRECONDITION CARD_EXPIRED", code: -32009, retryable: false),
        Row(
            status: 402, error: ["type": "card_error", "code": "authentication_required", "message": "m"],
            expected: "FAILED_PRECONDITION AUTHENTICATION_REQUIRED", code: -32009, retryable: false),
        Row(
            status: 400, error: ["type": "invalid_request_error", "message": "Invalid email address: x", "param": "email"],
            expected: "INVALID_ARGUMENT STRIPE_REFUSED", code: -32602, retryable: false),
        Row(
            status: 400, error: ["type": "idempotency_error", "message": "Keys for idempotent requests…"],
            expected: "ALREADY_EXISTS IDEMPOTENCY_MISMATCH", code: -32006, retryable: false),
        Row(
            status: 401, error: ["message": "Invalid API Key provided: sk_test_****1234"],
            expected: "INTERNAL STRIPE_KEY_REJECTED", code: -32603, retryable: false),
        Row(
            status: 403, error: ["message": "The provided key 'rk_…' does not have access"],
            expected: "INTERNAL STRIPE_KEY_REJECTED", code: -32603, retryable: false),
        Row(status: 409, error: ["message": "conflict"], expected: "ABORTED CONFLICT", code: -32010, retryable: true),
        Row(
            status: 429, error: ["code": "rate_limit", "message": "slow down"],
            expected: "RESOURCE_EXHAUSTED RATE_LIMITED", code: -32008, retryable: true),
        Row(
            status: 429, error: ["code": "lock_timeout", "message": "locked"],
            expected: "RESOURCE_EXHAUSTED LOCK_TIMEOUT", code: -32008, retryable: true),
        Row(
            status: 500, error: ["type": "api_error", "message": "oops"],
            expected: "UNAVAILABLE STRIPE_UNAVAILABLE", code: -32014, retryable: true),
    ]

    @Test(arguments: rows)
    func `what Stripe refuses has its status, reason and code`(row: Row) async throws {
        let error = try await refusal(row.status, row.error, headers: ["Request-Id": "req_1"])
        #expect("\(error.status.name) \(error.reason)" == row.expected)
        #expect(error.code == row.code)
        #expect(error.retryable == row.retryable)
        #expect(error.stripe?.httpStatus == row.status)
        #expect(error.stripe?.requestId == "req_1")
        if error.status == .resourceExhausted { #expect(error.retryAfterMilliseconds != nil) }
        if error.reason == "STRIPE_KEY_REJECTED" {
            #expect(!error.message.contains("key '") && !error.message.contains("1234"))
        }
    }

    @Test func `a refused parameter is a violation in our own words`() async throws {
        let error = try await refusal(400, ["type": "invalid_request_error", "message": "Invalid email", "param": "email"])
        #expect(error.violations == [Violation(pointer: "/email", rule: "stripe", message: "Invalid email")])
    }

    @Test(arguments: [
        ("email", "/email"), ("customer", "/customerId"), ("items[0][price]", "/items/0/priceId"),
        ("metadata[order id]", "/metadata/order id"), ("address[postal_code]", "/address/postalCode"),
        ("trial_period_days", "/trialDays"), ("payment_behavior", "/paymentBehavior"), ("expand", nil),
        ("billing_mode[type]", nil),
    ])
    func `Stripe's parameters have places in our params`(parameter: String, pointer: String?) {
        #expect(ParameterNames.pointer(for: parameter) == pointer)
    }

    @Test func `nobody listening and garbage are UNAVAILABLE, and may be tried again`() async throws {
        let unreachable = RPCError(StripeError(.unreachable("refused"), attempts: 3))
        #expect(unreachable.reason == "STRIPE_UNAVAILABLE" && unreachable.retryable)
        let garbled = RPCError(StripeError(.garbled("not JSON"), attempts: 1, mayHaveBeenExecuted: true))
        #expect(garbled.reason == "STRIPE_GARBLED" && garbled.mayHaveTakenEffect)
        #expect(RPCError(StripeError(.deadline, attempts: 1)).status == .deadlineExceeded)
        #expect(RPCError(StripeError(.cancelled, attempts: 1)).status == .cancelled)
    }

    @Test(arguments: [
        (StoreError.Kind.unavailable, "STORE_UNAVAILABLE"), (.contended, "STORE_UNAVAILABLE"),
        (.newerDatabase, "STORE_UNAVAILABLE"),
        (.corrupt, "STORE_CORRUPT"),
        (.misuse, "INTERNAL_ERROR"),
    ])
    func `a store that fails says how`(kind: StoreError.Kind, reason: String) {
        #expect(RPCError(StoreError(kind, "m")).reason == reason)
    }
}
