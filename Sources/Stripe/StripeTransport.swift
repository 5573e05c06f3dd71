/// What carries a request to Stripe and brings the answer back: one attempt, for which others decide whether it is repeated.
package import HTTP

package protocol StripeTransport: Sendable {
    /// Sends `request`, whose target is a whole URL. Cancelling the task stops it.
    func send(
        _ request: HTTPRequest, timeoutMilliseconds: Int64
    ) async throws(HTTPClientError) -> HTTPResponse
}

extension HTTPClient: StripeTransport {}
