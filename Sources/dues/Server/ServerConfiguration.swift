internal import Contract
internal import EventLoop
internal import Glibc
internal import HTTP
internal import RPC
internal import Stripe

/// What a server is told by its flags and its environment, checked before anything is opened.
struct ServerConfiguration: Sendable {
    /// Where JSON-RPC is served beside the inherited sockets; nil on stdio.
    var tcp: SocketAddress?
    /// What started this process, where that is a supervisor.
    var manager: ServiceManager
    var inherited: InheritedSockets
    /// Event loops that serve calls.
    var loops: Int
    /// What TLS on TCP is spoken with; nil for plain TCP.
    var tls: TLSFiles?
    /// The Unix socket where JSON-RPC is served, and its file's mode.
    var unix: (path: String, mode: UInt32)?
    /// The file that names the tokens; nil where nobody is asked for one.
    var tokensPath: String?
    /// Where webhooks arrive; nil where nothing listens for them.
    var http: SocketAddress?
    var stripe: Upstream
    var database: Database
    var graceSeconds: Int64?
    /// How often Stripe's list of events is looked at for what no webhook brought; nil for never.
    var pollSeconds: Int64?
    /// How long events are kept.
    var journalDays: Int64
    /// Memory for CheckAccess's answers.
    var answerBytes: Int
    var limits: RPCLimits
    var log: Log

    /// PEM files: the server's certificate chain and key, and the authorities whose certificates its clients must have.
    struct TLSFiles: Sendable {
        var identity: TLSContext.Identity
        var clientAuthorities: String?

        func load() throws(TLSError) -> TLSContext {
            try TLSContext.server(identity: identity, clientAuthoritiesFile: clientAuthorities)
        }
    }

    enum Upstream: Sendable {
        /// The sandbox of our own, where it listens, and the secret that signs its events; nil for one that it makes up.
        case sandbox(SocketAddress, webhookSecret: String?)
        case stripe(Account)
    }

    /// An account at Stripe, or at what stands at `base`, and the way there.
    struct Account: Sendable {
        var key: StripeKey
        var base: String?
        var webhookSecrets: [WebhookSecret]
        /// The connected account to act for.
        var onBehalfOf: String?
        var http: HTTPClientConfiguration
    }

    enum Database: Sendable {
        case file(String)
        /// A fresh one, gone with the process.
        case temporary
    }

    static let defaultTCP = SocketAddress(host: "127.0.0.1", port: 7171)
    private static let defaultHTTP = SocketAddress(host: "127.0.0.1", port: 7172)
    private static let defaultSandbox = SocketAddress(host: "127.0.0.1", port: 7173)
    /// Where stdio's sandbox and its webhooks meet when nobody has to find them.
    private static let somewhere = SocketAddress(host: "127.0.0.1", port: 0)

    static let flags: [Command.Flag] = [
        .init(name: "unix", placeholder: "PATH", help: "Serve on a Unix socket too."),
        .init(name: "unix-mode", placeholder: "OCTAL", help: "Who may connect to it (600: its owner)."),
        .init(
            name: "tokens", placeholder: "FILE",
            help:
                "Ask callers for tokens: a line each of\n{\"name\":…,\"sha256\":…,\"scopes\":[\"read\",\"write\",\"ingest\"]}."
        ),
        .init(name: "tls-cert", placeholder: "FILE", help: "Speak TLS on TCP: the certificate chain, in PEM."),
        .init(name: "tls-key", placeholder: "FILE", help: "Its private key, in PEM."),
        .init(
            name: "tls-client-ca", placeholder: "FILE", help: "Take only clients with a certificate of these authorities."),
        .init(
            name: "insecure-plaintext",
            help: "Listen beyond this machine without TLS, because\nsomething in front of it does that."),
        .init(
            name: "loops", placeholder: "N",
            help: "Threads that serve connections (one per processor\nthat this process may use)."),
        .init(name: "sandbox", help: "Serve against a Stripe of our own, offline. Needs no key."),
        .init(name: "http", placeholder: "HOST:PORT", help: "Where webhooks arrive, at /webhook (127.0.0.1:7172)."),
        .init(name: "sandbox-http", placeholder: "HOST:PORT", help: "Where the sandbox listens (127.0.0.1:7173)."),
        .init(
            name: "db", placeholder: "sqlite:PATH",
            help: "The database (a file in the state directory;\nwith --sandbox a temporary one)."),
        .init(name: "stripe-base", placeholder: "URL", help: "Stripe's address, for a sandbox elsewhere or a proxy."),
        .init(name: "stripe-account", placeholder: "ACCT", help: "The connected account to act for (acct_…)."),
        .init(
            name: "stripe-proxy", placeholder: "URL", help: "A proxy on the way to Stripe. The environment's is not used."),
        .init(
            name: "stripe-ca", placeholder: "FILE",
            help: "Certificate authorities to trust on the way to Stripe,\nin PEM, instead of the system's."),
        .init(
            name: "stripe-connections", placeholder: "N",
            help: "Connections to Stripe at a time (1024). Over HTTP/2 a\nhundred calls share one."),
        .init(name: "live", help: "Allow a live key, with which money moves."),
        .init(
            name: "poll-seconds", placeholder: "N",
            help: "How often to look for events that no webhook brought;\n0 for never (300)."),
        .init(
            name: "journal-days", placeholder: "N", help: "How long events are kept, from 31 days on (400)."),
        .init(name: "grace", placeholder: "SECONDS", help: "Access after a failed renewal (259200, three days)."),
        .init(
            name: "answer-memory", placeholder: "MIB", help: "Memory for CheckAccess's answers; 0 asks the database (256)."),
        .init(name: "max-connections", placeholder: "N", help: "Connections at a time (16384)."),
        .init(name: "max-calls", placeholder: "N", help: "Calls in flight on one connection (1024)."),
        .init(name: "max-streams", placeholder: "N", help: "Open streams of one connection (64)."),
        .init(name: "max-calls-in-all", placeholder: "N", help: "Calls in flight in all (16384)."),
        .init(name: "max-line", placeholder: "BYTES", help: "The longest line that is read (1048576)."),
        .init(name: "max-batch", placeholder: "N", help: "The longest batch (1000)."),
        .init(name: "max-output", placeholder: "BYTES", help: "Answers that may wait for a client (4194304)."),
        .init(name: "line-seconds", placeholder: "N", help: "How long a line may take to arrive (30)."),
        .init(name: "idle-seconds", placeholder: "N", help: "How long a connection may say nothing; 0 for ever (0)."),
        .init(name: "log", placeholder: "LEVEL", help: "debug, info, warning or error, on standard error (info)."),
    ]

    static let environmentHelp = """
        Environment:
          STRIPE_SECRET_KEY       sk_test_…, or sk_live_… and rk_live_… with --live; not with --sandbox.
          STRIPE_WEBHOOK_SECRET   whsec_…; several, separated by commas, while one is being replaced. With --sandbox
                                  the first signs its events.
        """

    /// - Parameter isStdio: whether standard input and output are the connection; then nothing listens that was not asked for.
    init(_ arguments: Arguments, isStdio: Bool) throws(Failure) {
        let isSandbox = arguments.has("sandbox")
        do throws(SystemError) {
            manager = try ServiceManager(environment: Self.environment)
        } catch {
            throw .usage("\(error)")
        }
        inherited = try InheritedSockets(manager)
        tcp = try arguments.address("tcp") ?? (isStdio || !inherited.rpc.isEmpty ? nil : Self.defaultTCP)
        let ownHTTP = isStdio ? (isSandbox ? Self.somewhere : nil) : Self.defaultHTTP
        http = try arguments.address("http") ?? (inherited.http.isEmpty ? ownHTTP : nil)
        if isSandbox {
            stripe = try Self.sandbox(arguments, isStdio: isStdio)
        } else {
            stripe = try Self.upstream(arguments)
        }
        database = try Self.database(arguments, stripe)
        graceSeconds = try arguments.integer("grace", in: 0...31_536_000).map(Int64.init)
        let pollSeconds = try arguments.integer("poll-seconds", in: 0...86_400) ?? 300
        self.pollSeconds = pollSeconds == 0 ? nil : Int64(pollSeconds)
        journalDays = Int64(try arguments.integer("journal-days", in: 31...36_500) ?? 400)
        answerBytes = (try arguments.integer("answer-memory", in: 0...65_000) ?? 256) << 20
        limits = try Self.limits(arguments)
        log = Log(level: try Self.level(arguments))
        unix = try Self.unix(arguments)
        tokensPath = arguments.value("tokens")
        tls = try Self.tls(arguments)
        // One client on standard streams keeps one loop busy.
        let isShared = !isStdio || tcp != nil || unix != nil || !inherited.rpc.isEmpty
        loops =
            try arguments.integer("loops", in: 1...Self.maximumLoops)
            ?? (isShared ? min(Processors.available, Self.maximumLoops) : 1)
        try checkExposure(isProtected: arguments.has("insecure-plaintext"))
    }

    /// More threads than a machine has processors for.
    private static let maximumLoops = 256

    /// What other machines reach asks for tokens, and is encrypted.
    private func checkExposure(isProtected: Bool) throws(Failure) {
        for address in [tcp].compactMap(\.self) + inherited.rpc.compactMap(\.tcp) where try !Self.isLoopback(address) {
            guard tokensPath != nil else {
                throw .usage(
                    "\(address) can be reached from other machines: ask callers for --tokens, or use a loopback address")
            }
            guard isProtected || tls != nil else { throw Self.needsProtection(address) }
        }
        // A webhook proves by its signature where it comes from: it needs no token.
        for address in [http].compactMap(\.self) + inherited.http.compactMap(\.tcp) where try !Self.isLoopback(address) {
            guard isProtected else { throw Self.needsProtection(address) }
        }
        if case .sandbox(let address, _) = stripe, try !Self.isLoopback(address) {
            throw .usage("the sandbox takes everybody for its owner: \(address) must be a loopback address")
        }
    }

    /// What the server says of itself.
    var mode: ServerMode {
        switch stripe {
        case .sandbox: .sandbox
        case .stripe(let account): account.key.mode == .live ? .live : .test
        }
    }

    // MARK: Reading

    private static func environment(_ name: String) -> String? {
        guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return nil }
        return value
    }

    private static func sandbox(_ arguments: Arguments, isStdio: Bool) throws(Failure) -> Upstream {
        guard environment("STRIPE_SECRET_KEY") == nil else {
            throw .usage("--sandbox and STRIPE_SECRET_KEY together: unset the key, or leave the sandbox")
        }
        for flag in ["stripe-base", "stripe-account", "stripe-proxy", "stripe-ca", "stripe-connections"]
        where arguments.has(flag) {
            throw .usage("--sandbox and --\(flag) together: choose one")
        }
        return .sandbox(
            try arguments.address("sandbox-http") ?? (isStdio ? somewhere : defaultSandbox),
            webhookSecret: webhookSecrets.first)
    }

    private static func upstream(_ arguments: Arguments) throws(Failure) -> Upstream {
        guard !arguments.has("sandbox-http") else { throw .usage("--sandbox-http is for --sandbox") }
        guard let text = environment("STRIPE_SECRET_KEY") else {
            throw .usage("STRIPE_SECRET_KEY is not set; with --sandbox no key is needed")
        }
        guard let key = StripeKey(text), key.mode != .unknown else {
            throw .usage("STRIPE_SECRET_KEY is not a secret key: it starts with sk_test_, sk_live_, rk_test_ or rk_live_")
        }
        guard key.mode != .live || arguments.has("live") else {
            throw .usage("the key is a live one, with which money moves: say --live if that is meant")
        }
        let base = arguments.value("stripe-base")
        if let base, !base.hasPrefix("http://"), !base.hasPrefix("https://") {
            throw .usage("--stripe-base must be a URL such as http://127.0.0.1:7173, got \"\(base)\"")
        }
        let account = arguments.value("stripe-account")
        if let account, !account.hasPrefix("acct_") || !account.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
            throw .usage("--stripe-account must be an account's id (acct_…), got \"\(account)\"")
        }
        return .stripe(
            Account(
                key: key, base: base, webhookSecrets: webhookSecrets.compactMap(WebhookSecret.init), onBehalfOf: account,
                http: try way(arguments)))
    }

    /// How Stripe is reached.
    private static func way(_ arguments: Arguments) throws(Failure) -> HTTPClientConfiguration {
        var way = HTTPClientConfiguration()
        way.proxy = arguments.value("stripe-proxy")
        way.caFile = arguments.value("stripe-ca")
        if let proxy = way.proxy, !["http://", "https://", "socks5://", "socks5h://"].contains(where: proxy.hasPrefix) {
            throw .usage("--stripe-proxy must be a URL such as http://127.0.0.1:3128")
        }
        if let count = try arguments.integer("stripe-connections", in: 1...65_536) { way.maximumConnectionsPerHost = count }
        if let file = way.caFile, access(file, R_OK) != 0 { throw .usage("--stripe-ca: \(file) cannot be read") }
        return way
    }

    private static var webhookSecrets: [String] {
        (environment("STRIPE_WEBHOOK_SECRET") ?? "").split(separator: ",").map { $0.filter { $0 != " " } }
    }

    private static func database(_ arguments: Arguments, _ stripe: Upstream) throws(Failure) -> Database {
        guard let text = arguments.value("db") else {
            switch stripe {
            case .sandbox: return .temporary
            case .stripe(let account): return .file(try StateDirectory.file("dues-\(account.key.mode.rawValue).db"))
            }
        }
        guard text.hasPrefix("sqlite:"), text.count > 7 else {
            throw .usage("--db must be sqlite:PATH, got \"\(text)\"")
        }
        return .file(String(text.dropFirst(7)))
    }

    private static func limits(_ arguments: Arguments) throws(Failure) -> RPCLimits {
        var limits = RPCLimits()
        if let count = try arguments.integer("max-connections", in: 1...1_000_000) { limits.connections = count }
        if let count = try arguments.integer("max-calls", in: 1...100_000) { limits.callsPerConnection = count }
        if let count = try arguments.integer("max-streams", in: 1...100_000) { limits.streamsPerConnection = count }
        if let count = try arguments.integer("max-calls-in-all", in: 1...1_000_000) { limits.callsInAll = count }
        if let bytes = try arguments.integer("max-line", in: 1024...64 * 1024 * 1024) { limits.lineBytes = bytes }
        if let count = try arguments.integer("max-batch", in: 1...100_000) { limits.batchLength = count }
        if let bytes = try arguments.integer("max-output", in: 4096...1024 * 1024 * 1024) {
            limits.outputHighWaterBytes = bytes
        }
        if let seconds = try arguments.integer("line-seconds", in: 1...86_400) {
            limits.lineMilliseconds = Int64(seconds) * 1000
        }
        if let seconds = try arguments.integer("idle-seconds", in: 0...86_400) {
            limits.idleMilliseconds = seconds == 0 ? nil : Int64(seconds) * 1000
        }
        return limits
    }

    private static func level(_ arguments: Arguments) throws(Failure) -> Log.Level {
        guard let text = arguments.value("log") else { return .info }
        guard let level = Log.Level(rawValue: text) else {
            throw .usage("--log must be debug, info, warning or error, got \"\(text)\"")
        }
        return level
    }

    private static func tls(_ arguments: Arguments) throws(Failure) -> TLSFiles? {
        switch (arguments.value("tls-cert"), arguments.value("tls-key")) {
        case (let certificate?, let key?):
            return TLSFiles(
                identity: TLSContext.Identity(certificateChainFile: certificate, keyFile: key),
                clientAuthorities: arguments.value("tls-client-ca"))
        case (nil, nil):
            if arguments.has("tls-client-ca") { throw .usage("--tls-client-ca is for --tls-cert and --tls-key") }
            return nil
        default: throw .usage("--tls-cert and --tls-key belong together")
        }
    }

    private static func unix(_ arguments: Arguments) throws(Failure) -> (path: String, mode: UInt32)? {
        guard let path = arguments.value("unix") else {
            if arguments.has("unix-mode") { throw .usage("--unix-mode is for --unix") }
            return nil
        }
        let text = arguments.value("unix-mode") ?? "600"
        guard let mode = UInt32(text, radix: 8), mode <= 0o777 else {
            throw .usage("--unix-mode must be an octal mode such as 660, got \"\(text)\"")
        }
        return (path, mode)
    }

    private static func isLoopback(_ address: SocketAddress) throws(Failure) -> Bool {
        do throws(SystemError) { return try address.isLoopback() } catch { throw .usage("\(error)") }
    }

    private static func needsProtection(_ address: SocketAddress) -> Failure {
        .usage(
            "\(address) can be reached from other machines: give it --tls-cert and --tls-key, or --insecure-plaintext if something in front encrypts"
        )
    }
}
