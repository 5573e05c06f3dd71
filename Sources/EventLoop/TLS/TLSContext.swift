internal import COpenSSL

/// What sessions of TLS share: a certificate and its key, and whom to trust. Files are read once, when it is made; reading
/// them anew is making a new context, which the next connections take while the old ones go on with theirs.
package struct TLSContext: Sendable {
    let storage: Storage
    let isServer: Bool
    /// Milliseconds that a connection's handshake may take: two round trips and a signature, with much patience.
    package var handshakeMilliseconds: Int64 = 10_000

    /// A context of OpenSSL's. It is not changed once it is made, and OpenSSL counts and locks what sessions share of it.
    final class Storage: @unchecked Sendable {
        let raw: OpaquePointer
        init(_ raw: OpaquePointer) { self.raw = raw }
        deinit { SSL_CTX_free(raw) }
    }

    /// A certificate, with those that lead from it to its authority, and its private key: PEM files.
    package struct Identity: Sendable {
        package var certificateChainFile: String
        package var keyFile: String

        package init(certificateChainFile: String, keyFile: String) {
            self.certificateChainFile = certificateChainFile
            self.keyFile = keyFile
        }
    }

    /// A server's context: TLS 1.2 or later. With `clientAuthoritiesFile` (PEM), a client must show a valid certificate of
    /// one of these authorities.
    package static func server(
        identity: Identity, clientAuthoritiesFile: String? = nil
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(isServer: true)
        try context.use(identity)
        if let clientAuthoritiesFile { try context.demandPeer(clientAuthoritiesFile) }
        return context
    }

    /// A client's context: the server must show a valid certificate of one of the authorities in `authoritiesFile` (PEM).
    package static func client(authoritiesFile: String, identity: Identity? = nil) throws(TLSError) -> TLSContext {
        let context = try TLSContext(isServer: false)
        try context.demandPeer(authoritiesFile)
        if let identity { try context.use(identity) }
        return context
    }

    private init(isServer: Bool) throws(TLSError) {
        guard let raw = dues_tls_context(isServer ? 1 : 0) else {
            throw TLSError(step: "cannot start OpenSSL", reason: TLSError.lastReason())
        }
        storage = Storage(raw)
        self.isServer = isServer
    }

    private func use(_ identity: Identity) throws(TLSError) {
        guard dues_tls_use_certificate(storage.raw, identity.certificateChainFile, identity.keyFile) == 1 else {
            let files = "the certificate \(identity.certificateChainFile) with the key \(identity.keyFile)"
            throw TLSError(step: "cannot use \(files)", reason: TLSError.lastReason())
        }
    }

    private func demandPeer(_ file: String) throws(TLSError) {
        guard dues_tls_demand_peer(storage.raw, file, isServer ? 1 : 0) == 1 else {
            throw TLSError(step: "cannot use the certificate authorities \(file)", reason: TLSError.lastReason())
        }
    }

    /// Versions of the protocol.
    package enum Version: Sendable {
        case tls1_0, tls1_1, tls1_2, tls1_3

        fileprivate var number: Int32 {
            switch self {
            case .tls1_0: TLS1_VERSION
            case .tls1_1: TLS1_1_VERSION
            case .tls1_2: TLS1_2_VERSION
            case .tls1_3: TLS1_3_VERSION
            }
        }
    }

    /// Speaks `version` and no other, however weak it is: to prove that a server refuses it. To be called before the first
    /// session is made.
    package func insecurelySpeakOnly(_ version: Version) {
        let done = dues_tls_set_versions(storage.raw, version.number, version.number)
        precondition(done == 1, "OpenSSL lacks a version of TLS that is to be tested")
    }
}

/// Why TLS could not be set up. Names files, and nothing that is in them.
package struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried.
    package let step: String
    /// OpenSSL's reason in its own few words.
    package let reason: String

    package var description: String { "\(step): \(reason)" }

    /// The first of this thread's errors, taken from OpenSSL's queue. Unsafe because C fills the buffer.
    static func lastReason() -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 200) { buffer in
            dues_tls_reason(buffer.baseAddress, buffer.count)
            // The shim ends the text with NUL, and an allocation of 200 has an address.
            return String(cString: buffer.baseAddress!)
        }
    }
}
