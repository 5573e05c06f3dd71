import Crypto
import HTTP

/// The request that carries an event, signed as Stripe signs (docs.stripe.com/webhooks#verify-manually): HMAC-SHA256
/// under the whole secret of the time, a full stop and the body.
enum WebhookRequest {
    /// `time`: Unix seconds of the wall clock, which receivers compare with their own.
    static func make(url: String, secret: String, body: [UInt8], time: Int64) -> HTTPRequest {
        HTTPRequest(
            method: "POST", target: url,
            headers: [
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
                "Stripe-Signature": signature(secret: secret, body: body, time: time),
            ], body: body)
    }

    static func signature(secret: String, body: [UInt8], time: Int64) -> String {
        let digest = Digest.hmacSHA256(key: secret.utf8, message: Array("\(time).".utf8) + body)
        return "t=\(time),v1=\(Encoding.hexadecimal(digest))"
    }
}
