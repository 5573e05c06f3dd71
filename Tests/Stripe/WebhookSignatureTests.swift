/// Webhook signatures: vectors made with Stripe's SDK, and every way in which a header can be wrong.
internal import Crypto
internal import Stripe
internal import Testing

@Suite struct WebhookSignatureTests {
    static let body = #"{"id":"evt_test_webhook","object":"event"}"#
    static let secret = "whsec_test_secret"
    static let good = "d95c6b7477fbd7e9f90b1b0ef5f9c7ac25abca5382460e0d988c2b2a5b71b990"
    static let now: Int64 = 1_700_000_000

    struct Vector: Sendable {
        let body: String
        let secret: String
        let time: Int64
        let mac: String
    }

    @Test(arguments: [
        Vector(body: body, secret: secret, time: 1_700_000_000, mac: good),
        Vector(
            body: body, secret: "whsec_old_secret", time: 1_700_000_000,
            mac: "e016b64cc4263f90e0336f3975e8d4ac9cc185935edc3ebdd405db64ad0bb1c5"),
        Vector(
            body: """
                {
                  "id": "evt_1PgafmB7WZ01zgkW6dKueIc5",
                  "object": "event",
                  "type": "invoice.paid",
                  "livemode": false
                }
                """, secret: "whsec_Z3q8Kp0vW1yXb6Tn4Rs2Lm9Hc7Df5Ga", time: 1_798_761_600,
            mac: "b8e106983526bf9af08071572906c1d17edf2c5a5934d91b463e873691e7f31e"),
        Vector(
            body: #"{"id":"evt_utf8","name":"Zoë – 東京 €"}"#, secret: secret, time: 1_700_000_001,
            mac: "7734a0c174c7171f0a790f0ee73e3d49edfe378c492c586967709f1b21fcd317"),
        Vector(
            body: "", secret: secret, time: 1_700_000_002,
            mac: "83853fe6f945369644e0f7e5e3f95b8b638181e6b36d378e490aff386a46fa1c"),
    ])
    func `what Stripe's SDK accepts is accepted, and no byte of it may differ`(_ vector: Vector) throws {
        let header = "t=\(vector.time),v1=\(vector.mac)"
        let secrets = [try #require(WebhookSecret(vector.secret))]
        let payload = Array(vector.body.utf8)
        #expect(
            try WebhookSignature.verify(payload: payload, header: header, secrets: secrets, now: vector.time)
                == vector.time)
        for index in payload.indices {
            var changed = payload
            changed[index] ^= 1
            #expect(throws: WebhookSignatureError.noMatch) {
                try WebhookSignature.verify(payload: changed, header: header, secrets: secrets, now: vector.time)
            }
        }
        #expect(throws: WebhookSignatureError.noMatch) {
            try WebhookSignature.verify(payload: payload + [10], header: header, secrets: secrets, now: vector.time)
        }
    }

    static let bad = String(repeating: "0", count: 64)

    @Test(
        arguments: [
            ("t=1700000000,v1=\(good)", 0, nil),
            ("t=1700000000,v1=\(bad),v1=\(good)", 0, nil),
            ("t=1700000000,v1=\(good),v1=\(bad)", 0, nil),
            ("t=1700000000,v1=\(good),v0=anything", 0, nil),
            ("v1=\(good),t=1700000000", 0, nil),
            ("t=1700000000, v1=\(good)", 0, nil),
            (" t = 1700000000 ,\tv1 = \(good) ", 0, nil),
            ("t=1700000000,t=1700000005,v1=\(good)", 0, nil),
            ("t=1700000000,v1=\(good)=", 0, nil),
            ("t=1700000000,v1=\(good)=x", 0, nil),
            ("t=01700000000,v1=\(good)", 0, nil),
            ("t=1700000000,,=,x,v1=\(good)", 0, nil),
            ("", 0, .missingHeader),
            ("  ", 0, .missingHeader),
            ("t=1700000000", 0, .noSupportedSignature),
            ("t=1700000000,v0=\(good)", 0, .noSupportedSignature),
            ("t=1700000000,V1=\(good)", 0, .noSupportedSignature),
            ("v1=\(good)", 0, .malformed),
            ("t=abc,v1=\(good)", 0, .malformed),
            ("t=,v1=\(good)", 0, .malformed),
            ("t=-1700000000,v1=\(good)", 0, .malformed),
            ("t=+1700000000,v1=\(good)", 0, .malformed),
            ("t=1700000000.0,v1=\(good)", 0, .malformed),
            ("t=99999999999999999999,v1=\(good)", 0, .malformed),
            ("nonsense", 0, .malformed),
            ("t=1700000000," + String(repeating: "v1=\(bad),", count: 200) + "v1=\(good)", 0, .malformed),
            ("t=1700000000,v1=\(good.uppercased())", 0, .noMatch),
            ("t=1700000000,v1=\(good.dropLast())", 0, .noMatch),
            ("t=1700000000,v1=\(good)0", 0, .noMatch),
            ("t=1700000000,v1=", 0, .noMatch),
            ("t=1700000000,v1=\(bad)", 0, .noMatch),
            ("t=1700000001,v1=\(good)", 0, .noMatch),
            ("t=1700000001,t=1700000000,v1=\(good)", 0, .noMatch),
            ("t=1700000000,v1=\(good)", 299, nil),
            ("t=1700000000,v1=\(good)", 300, nil),
            ("t=1700000000,v1=\(good)", 301, .stale(timestamp: now)),
            ("t=1700000000,v1=\(good)", -300, nil),
            ("t=1700000000,v1=\(good)", -301, .future(timestamp: now)),
            ("t=1700000000,v1=\(bad)", 301, .noMatch),
        ] as [(String, Int64, WebhookSignatureError?)])
    func `a header is accepted, or refused for its own reason`(
        header: String, age: Int64, refusal: WebhookSignatureError?
    ) throws {
        let secrets = [try #require(WebhookSecret(Self.secret))]
        var thrown: WebhookSignatureError?
        do throws(WebhookSignatureError) {
            try WebhookSignature.verify(
                payload: Array(Self.body.utf8), header: header, secrets: secrets, now: Self.now + age)
        } catch {
            thrown = error
        }
        #expect(thrown == refusal)
    }

    @Test func `while a secret is rolled either one is enough`() throws {
        let old = try #require(WebhookSecret("whsec_old_secret"))
        let new = try #require(WebhookSecret(Self.secret))
        let payload = Array(Self.body.utf8)
        let signedByNew = Self.header(payload, secret: Self.secret)
        for secrets in [[old, new], [new, old], [new]] {
            try WebhookSignature.verify(payload: payload, header: signedByNew, secrets: secrets, now: Self.now)
        }
        #expect(throws: WebhookSignatureError.noMatch) {
            try WebhookSignature.verify(payload: payload, header: signedByNew, secrets: [old], now: Self.now)
        }
        #expect(throws: WebhookSignatureError.noSecret) {
            try WebhookSignature.verify(payload: payload, header: signedByNew, secrets: [], now: Self.now)
        }
        #expect(WebhookSecret("") == nil)
    }

    @Test func `bytes that are no text are signed and verified as bytes`() throws {
        let payload: [UInt8] = [0xFF, 0xFE, 0x00, 0xC3]
        let secret = try #require(WebhookSecret(Self.secret))
        try WebhookSignature.verify(
            payload: payload, header: Self.header(payload, secret: Self.secret), secrets: [secret], now: Self.now)
    }

    @Test func `no refusal repeats the signature that would have matched`() throws {
        let secret = try #require(WebhookSecret(Self.secret))
        let error = #expect(throws: WebhookSignatureError.self) {
            try WebhookSignature.verify(
                payload: Array(Self.body.utf8), header: "t=1700000000,v1=\(Self.bad)", secrets: [secret], now: Self.now)
        }
        #expect(error?.description.contains(Self.good.prefix(8)) == false)
    }

    private static func header(_ payload: [UInt8], secret: String) -> String {
        let mac = Digest.hmacSHA256(key: Array(secret.utf8), message: Array("\(now).".utf8) + payload)
        return "t=\(now),v1=\(Encoding.hexadecimal(mac))"
    }
}
