package import EventLoop
internal import Glibc

/// Certificates for tests, made by the `openssl` command: an authority with a server and a client, and a stranger with both;
/// of the authority's also a server whose certificate has expired, and one of another name.
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
        let signed = "-x509 -CA \(authority()) -CAkey \(folder.path("house.key"))"
        try make("house-elsewhere", "\(signed) -addext subjectAltName=DNS:elsewhere.test")
        try makeExpired("house-expired")
    }

    private func make(_ name: String, _ options: String) throws {
        let files = "-keyout \(folder.path("\(name).key")) -out \(folder.path("\(name).pem"))"
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        try run("openssl req -batch \(key) -days 2 -subj /CN=\(name) \(files) \(options)", name)
    }

    /// As the house's server's, with the same key, of a time that is over: newer commands are told when, older ones take a
    /// number of days that is negative.
    private func makeExpired(_ name: String) throws {
        let (key, request, certificate) = (
            folder.path("\(name).key"), folder.path("\(name).csr"), folder.path("\(name).pem")
        )
        try run("cp \(folder.path("house-server.key")) \(key)", name)
        let names = "-addext subjectAltName=IP:127.0.0.1,DNS:localhost"
        try run("openssl req -new -batch -key \(key) -subj /CN=\(name) \(names) -out \(request)", name)
        let sign =
            "openssl x509 -req -in \(request) -CA \(authority()) -CAkey \(folder.path("house.key")) -copy_extensions copy"
            + " -out \(certificate)"
        let dates = "-not_before 20200101000000Z -not_after 20210101000000Z"
        try run("{ \(sign) \(dates) || \(sign) -days -1; }", name)
    }

    private func run(_ command: String, _ name: String) throws {
        guard system("\(command) >/dev/null 2>&1") == 0 else {
            throw SystemError(call: "openssl cannot make", code: 0, subject: name)
        }
    }

    package func authority(_ name: String = "house") -> String { folder.path("\(name).pem") }

    package func identity(_ name: String) -> TLSContext.Identity {
        TLSContext.Identity(certificateChainFile: folder.path("\(name).pem"), keyFile: folder.path("\(name).key"))
    }

    package func server(
        _ name: String = "house-server", demanding clientAuthority: String? = nil
    ) throws(TLSError) -> TLSContext {
        try .server(identity: identity(name), clientAuthoritiesFile: clientAuthority.map { authority($0) })
    }

    package func client(trusting name: String = "house", as client: String? = nil) throws(TLSError) -> TLSContext {
        try .client(authoritiesFile: authority(name), identity: client.map { identity($0) })
    }
}
