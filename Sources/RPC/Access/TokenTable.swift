package import Contract
internal import Crypto

/// Whom a token stands for, and what it may do.
package struct Identity: Sendable, Equatable {
    /// The token's name in the file, fit for a log.
    package let name: String
    package let scopes: Set<Scope>

    package init(name: String, scopes: Set<Scope>) {
        self.name = name
        self.scopes = scopes
    }
}

/// The tokens that open the service, by their digests. It is a value: a reloaded file is a new table.
package struct TokenTable: Sendable {
    private let entries: [Entry]

    /// One token.
    struct Entry: Sendable {
        let identity: Identity
        /// The 32 bytes of SHA-256 of the token.
        let digest: [UInt8]
    }

    /// Bytes of a token; a longer one is nobody's, and is not hashed.
    package static let maximumTokenBytes = 4096

    init(_ entries: [Entry]) { self.entries = entries }

    package var count: Int { entries.count }

    /// Whose `authorization` this is: `Bearer TOKEN`, with the scheme in letters of either case (RFC 9110 section 11.1).
    ///
    /// Every entry is compared, each in constant time: how long it takes tells nothing of what would have been right. (The
    /// digest is compared, so that even a partial match would say nothing of the token.)
    package func identify(authorization: String) -> Identity? {
        guard let token = Self.token(authorization) else { return nil }
        let digest = Digest.sha256(token)
        var found: Int?
        for (index, entry) in entries.enumerated() where constantTimeEqual(entry.digest, digest) { found = index }
        return found.map { entries[$0].identity }
    }

    private static func token(_ authorization: String) -> ArraySlice<UInt8>? {
        let scheme = Array("bearer ".utf8)
        let bytes = Array(authorization.utf8)
        guard bytes.count > scheme.count, bytes.count <= scheme.count + maximumTokenBytes,
            // Setting this bit makes letters lower-case; only a space and NUL become a space.
            zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 }), bytes[scheme.count - 1] == UInt8(ascii: " ")
        else { return nil }
        let token = bytes[scheme.count...].drop { $0 == UInt8(ascii: " ") }
        return token.isEmpty ? nil : token
    }
}
