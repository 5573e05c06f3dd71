/// What bounds and aims an `HTTPClient`.
package struct HTTPClientConfiguration: Sendable {
    /// How long name resolution, TCP and TLS may take together; Stripe's own SDKs allow less than their 80 s in all.
    package var connectTimeoutMilliseconds: Int64 = 10_000
    /// Connections to one host at a time, kept open for requests to come. Further requests wait for one. Over HTTP/2, as with
    /// Stripe itself, a hundred requests share one.
    package var maximumConnectionsPerHost = 1024
    /// Requests accepted and not yet answered; the next one fails with `.overloaded` and costs nothing more.
    package var maximumTransfers = 4096
    /// Bytes of a response's body; a longer one fails with `.responseTooLarge` and is not read on. A hundred expanded
    /// Stripe objects need well under 1 MiB.
    package var maximumResponseBytes = 16 << 20
    /// Bytes of a response's header fields.
    package var maximumHeaderBytes = 256 << 10
    /// A PEM file of certificate authorities to trust instead of the system's.
    package var caFile: String?
    /// A proxy's URL. Nil means none: `http_proxy` and its relatives in the environment are never read, so that they
    /// cannot take calls to the loopback interface elsewhere.
    package var proxy: String?

    package init() {}
}
