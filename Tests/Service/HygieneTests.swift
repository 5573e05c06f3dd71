import Contract
import HTTP
import JSON
import Stripe
import TestSupport
import Testing

@testable import Service

/// What holds a secret shows it to whoever asks for it by name, and to nobody who prints what he has. What the programs say is
/// searched besides, once all tests have run: `Tests/Hygiene`.
@Suite struct HygieneTests {
    /// Every way of turning a value into text.
    private static func shown<Value>(_ value: Value) -> String {
        var text = "\(value) \(String(reflecting: value)) \([value]) \(Optional(value) as Any) \(["key": value])"
        dump(value, to: &text)
        return text
    }

    private static let intent: JSONValue = [
        "id": "pi_1", "object": "payment_intent", "status": "requires_action", "client_secret": "pi_1_secret_hush",
    ]
    private static let invoice: JSONValue = [
        "id": "in_1", "object": "invoice", "currency": "usd", "total": 1, "amount_due": 1, "payment_intent": intent,
        "confirmation_secret": ["client_secret": "pi_1_secret_hush"],
    ]
    private static let subscription: JSONValue = [
        "id": "sub_1", "object": "subscription", "status": "incomplete", "customer": "cus_1", "items": ["data": []],
        "latest_invoice": invoice,
    ]

    @Test func `a reply, an object and a reference show their ids`() throws {
        let reply = StripeReply(
            value: Self.subscription, requestID: "req_1", attempts: 1, isReplayed: false, date: nil, milliseconds: 1)
        let subscription = try #require(StripeSubscription(Self.subscription))
        let reference = try #require(subscription.latestInvoice)
        #expect(subscription.confirmation.clientSecret == "pi_1_secret_hush", "who asks for it is told")
        for text in [
            Self.shown(reply), Self.shown(subscription), Self.shown(reference),
            Self.shown(subscription.confirmation), Self.shown(try #require(StripePaymentIntent(Self.intent))),
            Self.shown(try #require(StripeInvoice(Self.invoice))),
        ] {
            #expect(!text.contains("hush"), "\(text)")
        }
        #expect(Self.shown(reference).contains("in_1"))
    }

    @Test func `a way to the portal is not shown`() throws {
        let session = try #require(
            StripePortalSession(["id": "bps_1", "url": "https://billing.stripe.com/p/session/hush", "customer": "cus_1"]))
        #expect(!Self.shown(session).contains("hush") && Self.shown(session).contains("bps_1"))
    }

    @Test func `keys and what is sent with them are not shown`() throws {
        let key = try #require(StripeKey("sk_test_hush"))
        var request = HTTPRequest(
            method: "POST", target: "https://api.stripe.com/v1/customers?key=hush",
            headers: ["Authorization": "Bearer sk_test_hush"], body: Array("client_secret=pi_1_secret_hush".utf8))
        request.headers.add("Stripe-Account", "acct_1")
        let response = HTTPResponse(status: 200, headers: ["Set-Cookie": "hush"], body: Self.intent.bytes)
        for text in [
            Self.shown(key), Self.shown(StripeConfiguration(secretKey: key)),
            Self.shown(try #require(WebhookSecret("whsec_hush"))), Self.shown(request), Self.shown(response),
        ] {
            #expect(!text.contains("hush"), "\(text)")
        }
        let seal = QuoteSeal(key: [104, 117, 115, 104])
        #expect(!Self.shown(seal).contains("117"))
    }

    /// The whole intent stands in a card's refusal, and a rejected key in the refusal of it.
    @Test(arguments: [402, 401])
    func `an error shows what went wrong`(status: Int) async throws {
        let error: JSONValue = [
            "type": "card_error", "code": "card_declined", "decline_code": "do_not_honor", "payment_intent": Self.intent,
            "setup_intent": Self.intent,
            "message": .string(status == 401 ? "Invalid API Key provided: sk_test_****" : "No."),
        ]
        let stage = Stage { _ in [.reply(status, body: JSONValue.object(["error": error]).text)] }
        defer { stage.stop() }
        let thrown = try #require(await #expect(throws: StripeError.self) { try await stage.createCustomer() })
        let wire = RPCError(thrown)
        var writer = JSONWriter()
        wire.write(into: &writer)
        for text in [
            Self.shown(thrown), Self.shown(thrown.kind), Self.shown(try #require(thrown.refusal)), Self.shown(wire),
            String(decoding: writer.bytes, as: UTF8.self),
        ] {
            #expect(!text.contains("hush") && !text.contains("of_a_bad_day"), "\(text)")
        }
        #expect(!Self.shown(wire).contains("sk_test"))
    }
}
