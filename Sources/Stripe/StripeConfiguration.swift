/// Where Stripe is, who we are to it, and how patient we are.
package struct StripeConfiguration: Sendable {
    /// Scheme and authority, without a slash at the end.
    package var apiBase: String
    package var secretKey: StripeKey
    /// A connected account to act for (`Stripe-Account`).
    package var account: String?
    /// One attempt's time. Stripe's own SDKs use 80 s too: some calls wait for a bank.
    package var totalTimeoutMilliseconds: Int64 = 80_000
    package var retryPolicy = RetryPolicy()
    package var circuitBreaker = CircuitBreaker()
    /// Attempts a second, over all callers, of those that read and as many of those that write; nil for no bound until
    /// Stripe complains. Stripe's own limits are 100 in live mode and 25 in test mode (https://docs.stripe.com/rate-limits);
    /// some room is left for whoever else uses the account.
    package var callsPerSecond: Double?
    /// Calls of a mode that may wait for their turn; the next one is refused.
    package var maximumWaiting = 1000
    package var userAgent = "Dues/1 (Swift; libcurl)"

    package init(secretKey: StripeKey, apiBase: String = StripeAPI.defaultBase, account: String? = nil) {
        self.secretKey = secretKey
        self.apiBase = apiBase.hasSuffix("/") ? String(apiBase.dropLast()) : apiBase
        self.account = account
        if self.apiBase == StripeAPI.defaultBase { callsPerSecond = secretKey.mode == .live ? 80 : 20 }
    }

    /// Attempts after the first one.
    package var maximumRetries: Int {
        get { retryPolicy.maximumRetries }
        set { retryPolicy.maximumRetries = newValue }
    }
}
