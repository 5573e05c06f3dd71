import Crypto
import HTTP

/// Which API keys the sandbox takes, and whose a request carries.
package struct SandboxKeys: Sendable {
    /// The only keys accepted when `isStrict`; otherwise any `sk_test_`, `rk_test_` and `pk_test_` key is.
    package let secretKey: String
    package let publishableKey: String
    package let isStrict: Bool

    package init(
        secretKey: String = "sk_test_sandbox", publishableKey: String = "pk_test_sandbox", isStrict: Bool = false
    ) {
        self.secretKey = secretKey
        self.publishableKey = publishableKey
        self.isStrict = isStrict
    }

    /// The keys that a configuration gives, or that follow from the seed.
    init(_ configuration: SandboxConfiguration, seed: UInt64) {
        var random = SandboxRandom(seed: seed ^ 0x4B45_5953_4B45_5953)
        let (secret, publishable) = (random.text(24), random.text(24))
        self.init(
            secretKey: configuration.secretKey ?? "sk_test_\(secret)",
            publishableKey: configuration.publishableKey ?? "pk_test_\(publishable)", isStrict: configuration.strictKeys)
    }

    /// Reads the key from `Authorization` (Bearer, or Basic with the key as user name) or from a parameter `key`, as
    /// Stripe.js sends it.
    func caller(of request: HTTPRequest) throws(APIFailure) -> Caller {
        guard let key = Self.key(of: request), !key.isEmpty else { throw Self.noKey }
        if key.hasPrefix("pk_") {
            guard isAccepted(key, publishableKey, prefixes: ["pk_test_"]) else { throw Self.invalid(key) }
            return .publishable
        }
        guard isAccepted(key, secretKey, prefixes: ["sk_test_", "rk_test_"]) else { throw Self.invalid(key) }
        return .secret
    }

    private func isAccepted(_ key: String, _ own: String, prefixes: [String]) -> Bool {
        if constantTimeEqual(key.utf8, own.utf8) { return true }
        return !isStrict && prefixes.contains { key.hasPrefix($0) && key.utf8.count > $0.utf8.count }
    }

    private static func key(of request: HTTPRequest) -> String? {
        guard let header = request.headers["Authorization"] else {
            let pairs = FormNode.pairs(request.query.utf8) + FormNode.pairs(request.body)
            return pairs.first { $0.name == "key" }?.value
        }
        let parts = header.split(separator: " ", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0].lowercased() {
        case "bearer": return parts[1]
        case "basic":
            guard let bytes = base64(parts[1]) else { return nil }
            return String(String(decoding: bytes, as: UTF8.self).prefix { $0 != ":" })
        default: return nil
        }
    }

    /// Standard base64 in terms of base64url.
    private static func base64(_ text: String) -> [UInt8]? {
        let translated = text.compactMap { character -> Character? in
            switch character {
            case "+": "-"
            case "/": "_"
            case "=": nil
            default: character
            }
        }
        return Encoding.decodeBase64url(String(translated))
    }

    private static let noKey: APIFailure = {
        var failure = APIFailure(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer "
                + "auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication "
                + "for details, or we can help at https://support.stripe.com/.")
        failure.headers = [("WWW-Authenticate", "Bearer realm=\"Stripe\"")]
        return failure
    }()

    /// Shows of a key its kind and its last four characters.
    private static func invalid(_ key: String) -> APIFailure {
        let kind = key.split(separator: "_").prefix(2).joined(separator: "_")
        let shown = key.utf8.count > 12 ? "\(kind)_****\(key.suffix(4))" : "****"
        return APIFailure(401, "Invalid API Key provided: \(shown)")
    }
}
