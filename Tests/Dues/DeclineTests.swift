import EventLoop
import JSON
import RPC
import TestSupport
import Testing

/// Every way in which a card is refused (https://docs.stripe.com/declines/codes), and what becomes of it on the wire, on the
/// real binary: a row a decline code, by the reason that the caller gets.
@Suite struct DeclineTests {
    /// Those whose code is `card_declined`, and about which there is nothing to mend but the card itself.
    static let declined = """
        approve_with_id authentication_not_handled call_issuer card_not_supported card_velocity_exceeded \
        currency_not_supported do_not_honor do_not_try_again duplicate_transaction fraudulent generic_decline \
        highest_risk_level incorrect_pin insufficient_funds invalid_account invalid_amount invalid_pin \
        issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required \
        new_account_information_available no_action_taken not_permitted offline_pin_required \
        online_or_offline_pin_required pickup_card pin_try_exceeded reenter_transaction restricted_card \
        revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card \
        stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded \
        a_code_that_is_new
        """

    /// Those that Stripe gives a code of their own, with the decline code as well or alone under `card_declined`.
    static let ofTheirOwn = [
        "authentication_required": "AUTHENTICATION_REQUIRED", "expired_card": "CARD_EXPIRED",
        "incorrect_number": "CARD_INCORRECT", "incorrect_cvc": "CARD_INCORRECT", "incorrect_zip": "CARD_INCORRECT",
        "incorrect_address": "CARD_INCORRECT", "invalid_number": "CARD_INCORRECT", "invalid_cvc": "CARD_INCORRECT",
        "invalid_expiry_month": "CARD_INCORRECT", "invalid_expiry_year": "CARD_INCORRECT",
        "processing_error": "PAYMENT_FAILED",
    ]

    /// Codes of card errors that are no decline codes.
    static let codes = [
        "invoice_payment_intent_requires_action": "AUTHENTICATION_REQUIRED",
        "subscription_payment_intent_requires_action": "AUTHENTICATION_REQUIRED",
        "payment_intent_authentication_failure": "PAYMENT_FAILED", "setup_intent_authentication_failure": "PAYMENT_FAILED",
        "card_decline_rate_limit_exceeded": "PAYMENT_FAILED", "a_code_that_is_new": "PAYMENT_FAILED",
    ]

    struct Row: Sendable {
        let code: String
        let declineCode: String?
        let reason: String
    }

    static let rows =
        declined.split(separator: " ").map { Row(code: "card_declined", declineCode: String($0), reason: "CARD_DECLINED") }
        + [Row(code: "card_declined", declineCode: nil, reason: "CARD_DECLINED")]
        + ofTheirOwn.sorted { $0.key < $1.key }.flatMap { code, reason in
            [(code, nil), (code, code), ("card_declined", code)].map { Row(code: $0, declineCode: $1, reason: reason) }
        } + codes.sorted { $0.key < $1.key }.map { Row(code: $0.key, declineCode: nil, reason: $0.value) }

    private static func answer(_ row: Row) -> SocketServer.Step {
        var error: JSONObject = [
            "type": "card_error", "code": .string(row.code), "message": "Your card was declined.",
            "payment_intent": ["id": "pi_1", "object": "payment_intent", "client_secret": "pi_1_secret_declined"],
            "setup_intent": ["id": "seti_1", "object": "setup_intent", "client_secret": "seti_1_secret_declined"],
        ]
        error["decline_code"] = row.declineCode.map { .string($0) }
        return .reply(402, headers: ["Request-Id: req_1"], body: JSONValue.object(["error": .object(error)]).text)
    }

    @Test func `a declined card is said to be so in the caller's terms, once, with Stripe's own codes and no secret`()
        async throws
    {
        try await offPool {
            // The customer's name is the row's number.
            let server = try ScriptedServer { request in
                let form = String(decoding: request.body, as: UTF8.self)
                let number = form.split(separator: "name=row").last?.prefix { $0.isNumber }
                return number.flatMap { Int($0) }.map { [Self.answer(Self.rows[$0])] } ?? [.close]
            }
            let channel = LineChannel(socket: try server.process.tcp.connect())
            for (number, row) in Self.rows.enumerated() {
                let call =
                    #"{"jsonrpc":"2.0","id":\#(number),"method":"CreateCustomer","params":{"name":"row\#(number)","#
                    + #""paymentMethodId":"pm_1","_meta":{"idempotencyKey":"row \#(number)"}}}"#
                let answer = try channel.ask(call)
                #expect(answer["error"]?["code"] == -32009, "\(row): \(answer.text)")
                let data = answer["error"]?["data"]
                #expect(data?["status"] == "FAILED_PRECONDITION" && data?["retryable"] == false)
                #expect(data?["reason"]?.stringValue == row.reason, "\(row)")
                #expect(data?["stripe"]?["code"]?.stringValue == row.code)
                #expect(data?["stripe"]?["declineCode"]?.stringValue == row.declineCode)
                #expect(!answer.text.contains("_secret_"))
            }
            #expect(server.stripe.received.count == Self.rows.count, "nothing was tried twice")
            server.stop()
        }
    }
}
