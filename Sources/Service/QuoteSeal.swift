internal import Billing
internal import Crypto

/// Signs quotes and reads them back: a token holds its terms, and nobody else can make one.
///
/// `dq1.` and two parts in base64url: the terms' canonical bytes, and their HMAC-SHA256 under a key that stays in the store.
package struct QuoteSeal: Sendable {
    private static let prefix = "dq1"
    /// The name of the key among the store's settings.
    package static let settingName = "quote-key"

    private let key: [UInt8]

    package init(key: [UInt8]) { self.key = key }

    /// A key for a store that has none.
    package static func makeKey() -> [UInt8] { randomBytes(32) }

    func seal(_ terms: QuoteTerms) -> String {
        let bytes = terms.encoded
        let code = Digest.hmacSHA256(key: key, message: bytes)
        return "\(Self.prefix).\(Encoding.base64url(bytes)).\(Encoding.base64url(code))"
    }

    /// The terms of a token; nil for one that was not sealed here.
    func open(_ token: String) -> QuoteTerms? {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == Self.prefix, let bytes = Encoding.decodeBase64url(String(parts[1])),
            let code = Encoding.decodeBase64url(String(parts[2])),
            constantTimeEqual(code, Digest.hmacSHA256(key: key, message: bytes))
        else { return nil }
        return try? QuoteTerms.decode(bytes)
    }
}

extension QuoteSeal: CustomStringConvertible, CustomReflectable {
    /// Without the key.
    package var description: String { "the seal of quotes" }
    package var customMirror: Mirror { Mirror(self, children: ["seal": description]) }
}
