/// What this client speaks.
package enum StripeAPI {
    /// The API version of every request and of every shape decoded here. Since basil (2025-03-31) billing periods stand
    /// on subscription items and an invoice's client secret in `confirmation_secret`.
    package static let version = "2026-10-28.endive"

    /// Objects are written in the shapes that are decoded here since this version; in those before, not all of them can be.
    package static let oldestShapes = "2025-03-31"

    package static let defaultBase = "https://api.stripe.com"

    /// The longest Idempotency-Key that Stripe takes.
    package static let maximumIdempotencyKeyLength = 255
}
