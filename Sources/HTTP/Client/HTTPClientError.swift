/// Why a request of `HTTPClient` has no response. A response of whatever status is not an error.
package struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    package let kind: Kind
    /// One clause for a person. Holds no header, no body and no query.
    package let message: String
    /// Whether the server could have seen (part of) the request: then only an idempotent one may be repeated blindly.
    package let mayHaveBeenSent: Bool

    package enum Kind: String, Sendable, CaseIterable {
        /// No connection: the name does not resolve, the port refuses, or connecting took too long.
        case connect
        /// The request's own time ran out.
        case timeout
        /// No trust, no common protocol, or something that does not speak TLS.
        case tls
        /// The connection broke after it stood: reset, closed before the answer, closed in the middle of it.
        case connectionLost
        /// What came is not HTTP.
        case protocolError
        case responseTooLarge
        /// `HTTPTransfer.cancel`, a cancelled task, or the client's shutdown.
        case cancelled
        /// More requests than `maximumTransfers`; nothing was sent.
        case overloaded
        /// The request cannot be written down as HTTP (a line break in a header, not an http or https URL).
        case invalidRequest
    }

    package init(kind: Kind, message: String, mayHaveBeenSent: Bool) {
        self.kind = kind
        self.message = message
        self.mayHaveBeenSent = mayHaveBeenSent
    }

    package var description: String { "\(kind.rawValue): \(message)" }
}
