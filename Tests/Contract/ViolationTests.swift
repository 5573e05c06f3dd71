/// What each broken message is told, word for word.
import Contract
import JSON
import Testing

/// A message, and the violations that it has: "pointer rule: message", in order.
struct BrokenMessage: Sendable, CustomTestStringConvertible {
    let method: Method
    let params: String
    let violations: [String]

    init(_ method: Method, _ params: String, _ violations: String...) {
        self.method = method
        self.params = params
        self.violations = violations
    }

    var testDescription: String { "\(method.rawValue) \(params.prefix(100))" }
}

struct ViolationTests {
    static let customer = #""customerId":"cus_1","productId":"prod_1""#
    static let long = String(repeating: "x", count: 300)

    @Test(arguments: [
        BrokenMessage(.checkAccess, "[]", " type: params must be an object, got an array"),
        BrokenMessage(.checkAccess, "null", " type: params must be an object, got null"),
        BrokenMessage(.checkAccess, #""cus_1""#, " type: params must be an object, got a string"),
        BrokenMessage(
            .checkAccess, #"{"customerId":5,"productId":"prod_1"}"#, "/customerId type: must be a string, got 5"),
        BrokenMessage(
            .checkAccess, #"{"customerId":null,"productId":"prod_1"}"#,
            "/customerId type: must be a string, got null (leave it out instead)"),
        BrokenMessage(
            .checkAccess, #"{"customerId":{"a":[1,2]},"productId":true}"#,
            "/customerId type: must be a string, got an object", "/productId type: must be a string, got true"),
        BrokenMessage(
            .createCustomer, #"{"address":"27 Fredrick Ave","metadata":[]}"#,
            "/address type: must be an object, got a string", "/metadata type: must be an object, got an array"),
        BrokenMessage(
            .createSubscription, #"{"customerId":"cus_1","items":{},"allowDuplicate":"yes"}"#,
            "/items type: must be an array, got an object", "/allowDuplicate type: must be a boolean, got a string"),
    ])
    func `kinds of values`(message: BrokenMessage) { expect(message) }

    @Test(arguments: [
        BrokenMessage(.createSubscription, quantity("0"), "/quantity minimum: must be at least 1, got 0"),
        BrokenMessage(.createSubscription, quantity("1000001"), "/quantity maximum: must be at most 1000000, got 1000001"),
        BrokenMessage(.createSubscription, quantity("1.0"), "/quantity type: must be an integer, got 1.0"),
        BrokenMessage(.createSubscription, quantity("1e3"), "/quantity type: must be an integer, got 1e3"),
        BrokenMessage(.createSubscription, quantity("-0"), "/quantity type: must be an integer, got -0"),
        BrokenMessage(
            .createSubscription, quantity("9223372036854775808"),
            "/quantity type: must be an integer of 64 bits, got 9223372036854775808"),
        BrokenMessage(.createSubscription, quantity(#""3""#), "/quantity type: must be an integer, got a string"),
        BrokenMessage(
            .createSubscription, quantity("9223372036854775807"),
            "/quantity maximum: must be at most 1000000, got 9223372036854775807"),
    ])
    func `integers`(message: BrokenMessage) { expect(message) }

    @Test(arguments: [
        BrokenMessage(
            .watchEvents, #"{"types":[],"after":-1}"#,
            "/types minItems: must have at least 1 element, got 0", "/after minimum: must be at least 0, got -1"),
        BrokenMessage(
            .watchEvents, #"{"types":["invoice.","*.paid",".paid","invoice*","Invoice.paid","a..b","**",""]}"#,
            eventTypes(0, "invoice."), eventTypes(1, "*.paid"), eventTypes(2, ".paid"), eventTypes(3, "invoice*"),
            eventTypes(4, "Invoice.paid"), eventTypes(5, "a..b"), eventTypes(6, "**"),
            "/types/7 minLength: must not be empty"),
        BrokenMessage(.watchEvents, #"{"types":["*","invoice.*","v1.billing.meter_2.no_meter","ping"],"after":0}"#),
    ])
    func `types of event`(message: BrokenMessage) { expect(message) }

    private static func eventTypes(_ index: Int, _ text: String) -> String {
        "/types/\(index) pattern: must be a type of event such as invoice.paid, invoice.* or *, got \"\(text)\""
    }

    private static func quantity(_ number: String) -> String {
        #"{"customerId":"cus_1","priceId":"price_1","quantity":\#(number)}"#
    }

    @Test(arguments: [
        BrokenMessage(.getSubscription, id(""), "/subscriptionId minLength: must not be empty"),
        BrokenMessage(.getSubscription, id(long), "/subscriptionId maxLength: must have at most 255 characters, got 300"),
        BrokenMessage(
            .getSubscription, id("sub_1/cancel"), #"/subscriptionId pattern: must not contain "/", got "sub_1/cancel""#),
        BrokenMessage(.getSubscription, id("sub_1?a"), #"/subscriptionId pattern: must not contain "?", got "sub_1?a""#),
        BrokenMessage(.getSubscription, id("sub_1#a"), ##"/subscriptionId pattern: must not contain "#", got "sub_1#a""##),
        BrokenMessage(.getSubscription, id("sub 1"), #"/subscriptionId pattern: must not contain a space, got "sub 1""#),
        BrokenMessage(
            .getSubscription, id("sub_é"),
            #"/subscriptionId pattern: must not contain characters beyond ASCII, got "sub_é""#),
        BrokenMessage(
            .getSubscription, id(#"sub\n1"#),
            "/subscriptionId pattern: must not contain a control character, got \"sub\n1\""),
        BrokenMessage(.getSubscription, id(".."), #"/subscriptionId pattern: must be an id, got "..""#),
        BrokenMessage(
            .createSubscription, #"{"customerId":"cus_1","priceId":"price_1","currency":"USD"}"#,
            #"/currency pattern: must be a currency code of three lower-case letters, got "USD""#),
        BrokenMessage(
            .createCustomer, #"{"email":"jenny at example","address":{"country":"USA"}}"#,
            #"/email pattern: must be an e-mail address, got "jenny at example""#,
            #"/address/country pattern: must be a country code of two upper-case letters, got "USA""#),
        BrokenMessage(
            .cancel, #"{"subscriptionId":"sub_1","when":"later","feedback":"bored"}"#,
            #"/when enum: must be one of now, periodEnd, got "later""#,
            "/feedback enum: must be one of customer_service, low_quality, missing_features, other, switched_service, "
                + #"too_complex, too_expensive, unused, got "bored""#),
    ])
    func `strings`(message: BrokenMessage) { expect(message) }

    private static func id(_ id: String) -> String { #"{"subscriptionId":"\#(id)"}"# }

    @Test func `lengths count code points, as JSON Schema does`() {
        let comment = String(repeating: "🙂", count: 500)
        #expect(Method.cancel.refusal(#"{"subscriptionId":"sub_1","comment":"\#(comment)"}"#) == nil)
        expect(
            BrokenMessage(
                .cancel, #"{"subscriptionId":"sub_1","comment":"\#(comment)e"}"#,
                "/comment maxLength: must have at most 500 characters, got 501"))
    }

    @Test(arguments: [
        BrokenMessage(.createCustomer, metadata(#""a":1"#), "/metadata/a type: must be a string, got 1"),
        BrokenMessage(
            .createCustomer, metadata(#""a/b~":null"#),
            "/metadata/a~1b~0 type: must be a string, got null (leave it out instead)"),
        BrokenMessage(
            .createCustomer, metadata(#""a[b]":"c""#),
            #"/metadata/a[b] pattern: must not have square brackets in its name, got "a[b]""#),
        BrokenMessage(.createCustomer, metadata(#""":"c""#), "/metadata/ minLength: must not be empty"),
        BrokenMessage(
            .createCustomer, metadata(#""\#(long.prefix(41))":"c""#),
            "/metadata/\(long.prefix(41)) maxLength: must have at most 40 characters, got 41"),
        BrokenMessage(
            .createCustomer, metadata(#""a":"\#(long)\#(long)""#),
            "/metadata/a maxLength: must have at most 500 characters, got 600"),
        BrokenMessage(
            .createCustomer, metadata((1...51).map { #""k\#($0)":"v""# }.joined(separator: ",")),
            "/metadata maxProperties: must have at most 50 members, got 51"),
        BrokenMessage(
            .createCustomer, metadata(#""\u00e9":"a","e\u0301":"b""#),
            "/metadata/e\u{301} propertyNames: has another spelling of a name that is there already"),
        BrokenMessage(
            .createSubscription, #"{"customerId":"cus_1","items":[]}"#,
            "/items minItems: must have at least 1 element, got 0"),
        BrokenMessage(
            .createSubscription,
            #"{"customerId":"cus_1","items":[\#((1...21).map { #"{"priceId":"p\#($0)"}"# }.joined(separator: ","))]}"#,
            "/items maxItems: must have at most 20 elements, got 21"),
        BrokenMessage(
            .createSubscription, #"{"customerId":"cus_1","items":[{"priceId":"a"},7,{"priceId":"b","quantity":0}]}"#,
            "/items/1 type: must be an object, got 7", "/items/2/quantity minimum: must be at least 1, got 0"),
    ])
    func `maps and arrays`(message: BrokenMessage) { expect(message) }

    private static func metadata(_ members: String) -> String { #"{"metadata":{\#(members)}}"# }

    @Test(arguments: [
        BrokenMessage(
            .checkAccess, "{}", "/customerId required: is required",
            " exactlyOneOf: needs exactly one of productId, feature"),
        BrokenMessage(
            .checkAccess, #"{\#(customer),"feature":"f"}"#,
            "/feature exactlyOneOf: may not stand beside productId: give only one of productId, feature"),
        BrokenMessage(
            .createSubscription,
            #"{"customerId":"cus_1","priceId":"a","lookupKey":"b","items":[{"priceId":"c"}],"quantity":2}"#,
            "/lookupKey exactlyOneOf: may not stand beside priceId: give only one of priceId, lookupKey, items",
            "/items exactlyOneOf: may not stand beside priceId: give only one of priceId, lookupKey, items",
            "/quantity atMostOneOf: may not stand beside items: give only one of items, quantity"),
        BrokenMessage(
            .createSubscription, #"{"customerId":"cus_1","items":[{"quantity":2}]}"#,
            "/items/0 exactlyOneOf: needs exactly one of priceId, lookupKey"),
        BrokenMessage(
            .previewChange, #"{"subscriptionId":"sub_1"}"#,
            " atLeastOneOf: needs at least one of priceId, lookupKey, quantity, items"),
        BrokenMessage(.updatePlan, "{}", " exactlyOneOf: needs exactly one of subscriptionId, quote"),
        BrokenMessage(
            .updatePlan, #"{"subscriptionId":"sub_1"}"#,
            " atLeastOneOf: needs at least one of priceId, lookupKey, quantity, items"),
        BrokenMessage(
            .updatePlan, #"{"quote":"q","priceId":"price_1","when":"now"}"#,
            "/priceId alone: may not stand beside quote", "/when alone: may not stand beside quote"),
        BrokenMessage(
            .updatePlan, #"{"subscriptionId":"sub_1","items":[{"deleted":true,"priceId":"p"}]}"#,
            "/items/0 atLeastOneOf: needs itemId"),
    ])
    func `rules across members`(message: BrokenMessage) { expect(message) }

    @Test(arguments: [
        ("customer_id", "customerId"), ("CustomerID", "customerId"), ("customer-id", "customerId"),
        ("custmerId", "customerId"), ("csutomerId", "customerId"), ("featrue", "feature"), ("meta", "_meta"),
        ("colour", nil), ("id", nil), (long, nil),
    ])
    func `members that do not exist, and what may have been meant`(key: String, meant: String?) {
        let excerpt = key.count > 100 ? key.prefix(100) + "…" : key
        let hint = meant.map { "; did you mean \"\($0)\"?" } ?? ""
        expect(
            BrokenMessage(
                .checkAccess, #"{\#(Self.customer),"\#(key)":{"deep":[1]}}"#,
                "/\(excerpt) additionalProperties: is not a member of CheckAccess params\(hint)"))
    }

    @Test(arguments: [
        BrokenMessage(.rpcHealth, meta(#""timeoutMs":0"#), "/_meta/timeoutMs minimum: must be at least 1, got 0"),
        BrokenMessage(
            .rpcHealth, meta(#""timeoutMs":600001"#), "/_meta/timeoutMs maximum: must be at most 600000, got 600001"),
        BrokenMessage(
            .rpcHealth, meta(#""idempotencyKey":"a\u0007""#),
            "/_meta/idempotencyKey pattern: must be printable ASCII, got \"a\u{7}\""),
        BrokenMessage(
            .rpcHealth, meta(#""authorization":"Basic c2VjcmV0""#),
            "/_meta/authorization pattern: must be Bearer, one space, and a token"),
        BrokenMessage(
            .rpcHealth, meta(#""authorization":12345"#), "/_meta/authorization type: must be a string, got a number"),
        BrokenMessage(
            .rpcHealth, meta(#""traceparent":"00-1-2-3""#),
            #"/_meta/traceparent pattern: must be a W3C traceparent, got "00-1-2-3""#),
        BrokenMessage(
            .rpcHealth, meta(#""timeout":5"#),
            "/_meta/timeout additionalProperties: is not a member of CallMetadata; did you mean \"timeoutMs\"?"),
    ])
    func `call metadata`(message: BrokenMessage) { expect(message) }

    private static func meta(_ members: String) -> String { #"{"_meta":{\#(members)}}"# }

    @Test func `all violations are told at once, in the order of the message`() throws {
        let message = BrokenMessage(
            .createSubscription,
            #"{"quantity":0,"surprise":1,"metadata":{"a":1},"priceId":"","_meta":{"timeoutMs":"1"},"trialDays":731}"#,
            "/quantity minimum: must be at least 1, got 0",
            "/surprise additionalProperties: is not a member of CreateSubscription params",
            "/metadata/a type: must be a string, got 1", "/priceId minLength: must not be empty",
            "/_meta/timeoutMs type: must be an integer, got a string",
            "/trialDays maximum: must be at most 730, got 731", "/customerId required: is required")
        expect(message)
        let error = try #require(message.method.refusal(message.params))
        #expect(error.message == "CreateSubscription: /quantity must be at least 1, got 0 (and 6 more violations).")
        #expect(error.status == .invalidArgument && error.code == -32602 && error.reason == "SCHEMA")
        #expect(!error.retryable)
    }

    @Test func `no more than a hundred violations are listed, and the last says how many there are beyond`() throws {
        let members = (1...250).map { #""unknown\#($0)":0"# }.joined(separator: ",")
        let error = try #require(Method.rpcHealth.refusal("{\(members)}"))
        #expect(error.violations.count == 101)
        #expect(error.violations.last?.message == "150 more violations are not listed")
    }

    @Test func `no secret and no long value is said back`() throws {
        let payload = "whsec_" + String(repeating: "s", count: 5000)
        let params = #"{"payload":["\#(payload)"],"signature":"\#(payload)"}"#
        let error = try #require(Method.ingestWebhook.refusal(params))
        #expect(!"\(error)".contains("whsec_"))
        let long = try #require(Method.cancel.refusal(#"{"subscriptionId":"sub_1","when":"\#(payload)"}"#))
        #expect(long.message.utf8.count < 200)
    }

    @Test(arguments: [#"{"customerId":"a","customerId":"b"}"#, #"{"customerId":"a","customer\u0049d":"b"}"#, "{", "{}x"])
    func `what is not strict JSON is refused, whoever lets it through`(params: String) throws {
        let error = try #require(Method.checkAccess.refusal(params))
        #expect(error.violations.last?.rule == "json")
    }

    @Test func `absent params are empty params`() {
        #expect(Method.rpcHealth.refusal(nil) == nil)
        #expect(Method.createCustomer.refusal(nil) == nil)
        #expect(Method.getSubscription.refusal(nil)?.violations.map(\.pointer) == ["/subscriptionId"])
    }

    private func expect(_ message: BrokenMessage, sourceLocation: SourceLocation = #_sourceLocation) {
        let found = message.method.refusal(message.params)?.violations ?? []
        #expect(
            found.map { "\($0.pointer) \($0.rule): \($0.message)" } == message.violations, sourceLocation: sourceLocation)
    }
}
