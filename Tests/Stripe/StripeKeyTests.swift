/// Keys and secrets: what they tell of themselves, and that they tell no more.
internal import Stripe
internal import Testing

@Suite struct StripeKeyTests {
    @Test(arguments: [
        ("sk_test_51Habcdefghijklmnop", StripeKey.Mode.test, false, "sk_test_…mnop"),
        ("sk_live_51Habcdefghijklmnop", .live, false, "sk_live_…mnop"),
        ("rk_test_51Habcdefghijklmnop", .test, true, "rk_test_…mnop"),
        ("rk_live_51Habcdefghijklmnop", .live, true, "rk_live_…mnop"),
        ("pk_test_51Habcdefghijklmnop", .unknown, false, "…mnop"),
        ("sk_test_123", .test, false, "sk_test_…"),
        ("x", .unknown, false, "…"),
    ])
    func `a key knows its mode and shows its ends alone`(
        text: String, mode: StripeKey.Mode, isRestricted: Bool, shown: String
    ) throws {
        let key = try #require(StripeKey(text))
        #expect(key.mode == mode)
        #expect(key.isRestricted == isRestricted)
        #expect("\(key)" == shown)
        #expect(key.exposedSecret == text)
    }

    @Test(arguments: ["", "sk_test_a b", "sk_test_a\r\nX: y", "sk_test_é", "sk_test_\u{0}"])
    func `what no header could carry is no key`(text: String) {
        #expect(StripeKey(text) == nil)
    }

    @Test func `no way of printing a configuration shows its key or a webhook's secret`() throws {
        let key = try #require(StripeKey("sk_test_51Habcdefghijklmnop"))
        let secret = try #require(WebhookSecret("whsec_abcdefghijklmnop"))
        let configuration = StripeConfiguration(secretKey: key, apiBase: "http://127.0.0.1:1/")
        #expect(configuration.apiBase == "http://127.0.0.1:1")
        var text = "\(configuration) \(secret)" + String(reflecting: (configuration, secret, [key], Optional(secret)))
        dump((configuration, secret, key), to: &text)
        #expect(text.contains("sk_test_…mnop"))
        #expect(!text.contains("abcdefgh"))
    }
}
