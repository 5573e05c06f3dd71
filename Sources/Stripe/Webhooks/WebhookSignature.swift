/// The signature of a webhook delivery (https://docs.stripe.com/webhooks/signature).
///
/// `Stripe-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]…`, where each `v1` is HMAC-SHA256 of `<t>.<body>` under one
/// of the endpoint's secrets: while a secret is rolled there are two. Other schemes (`v0`) prove nothing.
internal import Crypto

package enum WebhookSignature {
    /// Deliveries carry a few hundred bytes; a longer header is not read.
    package static let maximumHeaderBytes = 8192

    /// Accepts `payload` if any `v1` was made with any of `secrets` and its time is within the tolerance of `now`, in
    /// both directions: a delivery from the future is either a forger's or a wrong clock, and both need an operator.
    /// The signature is checked before the time, so that only a holder of a secret learns about our clock.
    /// - Parameters:
    ///   - payload: the body's bytes exactly as they arrived.
    ///   - now: Unix seconds.
    /// - Returns: when Stripe signed it, in Unix seconds.
    @discardableResult
    package static func verify(
        payload: [UInt8], header: String, secrets: [WebhookSecret], now: Int64, toleranceSeconds: Int64 = 300
    ) throws(WebhookSignatureError) -> Int64 {
        let (timestamp, signatures) = try parse(header)
        guard !secrets.isEmpty else { throw .noSecret }
        let message = Array("\(timestamp).".utf8) + payload
        // Every pair is compared, each in constant time: how long it takes says nothing about which one nearly matched.
        var matches = false
        for secret in secrets {
            let mac = Digest.hmacSHA256(key: Array(secret.exposedSecret.utf8), message: message)
            let expected = Array(Encoding.hexadecimal(mac).utf8)
            for signature in signatures where constantTimeEqual(expected, signature) { matches = true }
        }
        guard matches else { throw .noMatch }
        guard timestamp >= now - toleranceSeconds else { throw .stale(timestamp: timestamp) }
        guard timestamp <= now + toleranceSeconds else { throw .future(timestamp: timestamp) }
        return timestamp
    }

    /// Spaces around the parts are forgiven. Of several times the first counts, as in Stripe's SDKs.
    private static func parse(
        _ header: String
    ) throws(WebhookSignatureError) -> (timestamp: Int64, signatures: [[UInt8]]) {
        guard header.utf8.contains(where: { $0 != UInt8(ascii: " ") }) else { throw .missingHeader }
        guard header.utf8.count <= maximumHeaderBytes else { throw .malformed }
        var timestamp: Int64?
        var signatures: [[UInt8]] = []
        for part in header.utf8.split(separator: UInt8(ascii: ",")) {
            // What follows a second `=` is not read.
            let pieces = part.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
            guard pieces.count >= 2 else { continue }
            switch trimmed(pieces[0]) {
            case Array("t".utf8) where timestamp == nil:
                guard let seconds = decimal(trimmed(pieces[1])) else { throw .malformed }
                timestamp = seconds
            case Array("v1".utf8): signatures.append(trimmed(pieces[1]))
            default: break
            }
        }
        guard let timestamp else { throw .malformed }
        guard !signatures.isEmpty else { throw .noSupportedSignature }
        return (timestamp, signatures)
    }

    private static func trimmed(_ text: Substring.UTF8View) -> [UInt8] {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        return Array(text.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }

    private static func decimal(_ digits: [UInt8]) -> Int64? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self))
    }
}

/// Why a delivery is not accepted. Says nothing that helps a forger beyond the case itself.
package enum WebhookSignatureError: Error, Sendable, Equatable {
    case missingHeader
    /// Not `t=<digits>,v1=<hex>`.
    case malformed
    /// No `v1`.
    case noSupportedSignature
    case noMatch
    /// Older than the tolerance: a replay, or a delivery that was held back.
    case stale(timestamp: Int64)
    /// Further ahead than the tolerance: a clock is wrong.
    case future(timestamp: Int64)
    /// There is nothing to verify with.
    case noSecret
}

extension WebhookSignatureError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missingHeader: "there is no Stripe-Signature header"
        case .malformed: "the Stripe-Signature header has no readable time"
        case .noSupportedSignature: "the Stripe-Signature header has no v1 signature"
        case .noMatch: "no signature matches the payload under any configured secret"
        case .stale(let timestamp): "the signature of \(timestamp) is too old"
        case .future(let timestamp): "the signature of \(timestamp) lies in the future: one of the clocks is wrong"
        case .noSecret: "no webhook secret is configured"
        }
    }
}

/// A webhook endpoint's signing secret (`whsec_…`) that does not show itself.
package struct WebhookSecret: Sendable, Equatable {
    /// The whole secret, its prefix included: for HMAC alone.
    package let exposedSecret: String

    /// Nil for an empty text: a signature under an empty key proves nothing.
    package init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        exposedSecret = text
    }
}

extension WebhookSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "whsec_…" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["secret": description]) }
}
