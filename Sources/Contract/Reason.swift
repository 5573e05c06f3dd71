/// Why a call failed, in one constant that a program can act on. The constants are generated from the schemas; a client
/// may meet others.
package struct Reason: Hashable, Sendable {
    /// The constant, such as NO_SUCH_CUSTOMER.
    package let name: String
    package let status: Status
    /// Whether the same call may succeed later, unless the error itself says otherwise.
    package let retryable: Bool
    /// The JSON-RPC code: the status's, save for the envelope's own errors (-32700, -32600).
    package let code: Int

    package init(name: String, status: Status, retryable: Bool = false, code: Int? = nil) {
        self.name = name
        self.status = status
        self.retryable = retryable
        self.code = code ?? status.code
    }
}
