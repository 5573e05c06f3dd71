package import EventLoop
internal import Glibc

/// Certificates for tests, made by the `openssl` command: an authority with a server and a client, and a stranger with both.
package final class Certificates: Sendable {
    /// Whether the command is there; tests of TLS are skipped, and said to be, where it is not.
    package static let canBeMade = system("openssl version >/dev/null 2>&1") == 0
    package static let whyNot = "the openssl command, which makes the certificates, is missing"
    /// Made once: a key costs some milliseconds.
    package static let shared = Result { try Certificates() }

    private let folder: Folder

    private init() throws {
        folder = try Folder()
        for authority in ["house", "stranger"] {
            try make(authority, "-x509 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign")
            let signed = "-x509 -CA \(folder.path("\(authority).pem")) -CAkey \(folder.path("\(authority).key"))"
            let names = "-addext subjectAltName=IP:127.0.0.1,DNS:localhost"
            try make("\(authority)-server", "\(signed) \(names) -addext extendedKeyUsage=serverAuth")
            try make("\(authority)-client", "\(signed) -addext extendedKeyUsage=clientAuth")
        }
    }

    private func make(_ name: String, _ options: String) throws {
        let files = "-keyout \(folder.path("\(name).key")) -out \(folder.path("\(name).pem"))"
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        let command = "openssl req -batch \(key) -days 2 -subj /CN=\(name) \(files) \(options) >/dev/null 2>&1"
        guard system(command) == 0 else { throw SystemError(call: "openssl cannot make", code: 0, subject: name) }
    }

    package func authority(_ name: String = "house") -> String { folder.path("\(name).pem") }

    package func identity(_ name: String) -> TLSContext.Identity {
        TLSContext.Identity(certificateChainFile: folder.path("\(name).pem"), keyFile: folder.path("\(name).key"))
    }

    package func server(demanding clientAuthority: String? = nil) throws(TLSError) -> TLSContext {
        try .server(identity: identity("house-server"), clientAuthoritiesFile: clientAuthority.map { authority($0) })
    }

    package func client(trusting name: String = "house", as client: String? = nil) throws(TLSError) -> TLSContext {
        try .client(authoritiesFile: authority(name), identity: client.map { identity($0) })
    }
}
