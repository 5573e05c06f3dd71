internal import Contract
internal import EventLoop
internal import Glibc
internal import HTTP
internal import JSON
internal import RPC
internal import Sandbox
internal import Service
internal import Store
internal import Stripe

/// The composition root: everything that a serving process is made of, put together on the main thread.
final class Server {
    /// Milliseconds that calls in flight get when the server is told to end.
    private static let graceMilliseconds: Int64 = 10_000

    let loop: EventLoop
    let rpc: RPCServer
    /// What the handshake says, as far as it concerns this kind of server.
    private(set) var addresses = Addresses()

    private let configuration: ServerConfiguration
    private let log: Log
    private let health = Health()
    private let http: HTTPClient
    private let store: SQLStore
    /// Nil where nothing is served over HTTP.
    private let webhooks: WebhookThread?
    private let sandbox: EventLoopThread?
    /// The threads of the loops that help this one to serve calls.
    private let helpers: [EventLoopThread]
    private let warmer: AnswerWarmer
    private let projector: Projector
    private let poller: EventPoller?
    private let sweeper: Sweeper
    private let temporaryDirectory: String?
    private var signals: Signals?
    /// What newcomers on TCP are greeted with, where that is TLS.
    private var tls: TLSContext?

    struct Addresses: Sendable {
        var tcp: SocketAddress?
        var unix: String?
        var http: SocketAddress?
        var sandbox: SocketAddress?
        /// Every socket that was inherited, for calls or for webhooks.
        var inherited: [ListenAddress] = []

        /// Where calls arrive, for a person.
        var calls: String { [tcp?.description, unix].compactMap(\.self).joined(separator: " and ") }
    }

    /// Opens the database and starts listening for webhooks; the caller then says where calls come from.
    init(_ configuration: ServerConfiguration) throws(Failure) {
        self.configuration = configuration
        http = HTTPClient(Self.way(configuration))
        let log = configuration.log
        let (address, temporaryDirectory) = try Self.place(configuration.database)
        self.temporaryDirectory = temporaryDirectory
        do {
            let loop = try EventLoop()
            let store = try SQLStore(address)
            let webhooks = try WebhookThread.start(configuration.http, configuration.inherited.http, health: health)
            addresses.http = webhooks?.address
            let upstream = try Self.startUpstream(configuration, webhooks: addresses.http)
            addresses.sandbox = upstream.address
            let stripe = StripeClient(upstream.configuration, http: http, observe: Self.observer(health))
            let projector = Projector(
                store: store, stripe: stripe, health: health, clock: Self.clock, log: Self.serviceLog(log))
            let ingest = WebhookIngest(
                store: store, secrets: upstream.webhookSecrets, projector: projector, health: health, clock: Self.clock)
            webhooks?.serve(WebhookEndpoint(ingest))
            if upstream.webhookSecrets.isEmpty {
                health.webhooksImpossible("STRIPE_WEBHOOK_SECRET is not set: every webhook is refused")
                log(.warning, "webhooks-refused", ["because": "STRIPE_WEBHOOK_SECRET is not set"])
            }
            let quoteKey = try store.setting(QuoteSeal.settingName, orElse: QuoteSeal.makeKey)
            let billing = BillingService(
                stripe: stripe, store: store, projector: projector, webhooks: ingest, quotes: QuoteSeal(key: quoteKey),
                health: health, clock: Self.clock)
            let parts = try RPCParts(
                configuration, limits: Self.limits(configuration), store: store, billing: billing, http: http,
                health: health,
                clock: Self.clock)
            let helpers = try parts.startHelpers(configuration.loops - 1)
            rpc = try parts.server(on: loop, helpers: helpers.map(\.server))
            self.helpers = helpers.map(\.thread)
            warmer = parts.warmer
            self.projector = projector
            poller = configuration.pollSeconds.map { [health] seconds in
                EventPoller(
                    store: store, stripe: stripe, projector: projector, health: health, intervalSeconds: seconds,
                    clock: Self.clock,
                    log: Self.serviceLog(log))
            }
            sweeper = Sweeper(
                store: store, journalDays: configuration.journalDays, clock: Self.clock, log: Self.serviceLog(log))
            sandbox = upstream.sandbox
            self.log = log
            self.loop = loop
            self.store = store
            self.webhooks = webhooks
        } catch {
            if let temporaryDirectory { StateDirectory.remove(temporaryDirectory) }
            throw Failure("\(error)")
        }
    }

    // MARK: Parts

    /// Where the database is, and the directory that goes with the process, if there is one.
    private static func place(
        _ database: ServerConfiguration.Database
    ) throws(Failure) -> (address: StoreAddress, temporaryDirectory: String?) {
        switch database {
        case .named(let address): return (address, nil)
        case .temporary:
            let directory = try StateDirectory.temporary()
            return (.file("\(directory)/dues.db"), directory)
        }
    }

    private struct Upstream {
        var configuration: StripeConfiguration
        var webhookSecrets: [WebhookSecret]
        var sandbox: EventLoopThread?
        var address: SocketAddress?
    }

    /// By what Stripe's logs tell this service from others.
    private static let userAgent = "Dues/\(Dues.version) (Swift; libcurl)"

    /// Stripe's address and keys; with a sandbox, after it was started on a thread of its own. Its state lives beside the
    /// database, so that what one remembers of the other outlives both.
    private static func startUpstream(
        _ configuration: ServerConfiguration, webhooks: SocketAddress?
    ) throws -> Upstream {
        switch configuration.stripe {
        case .stripe(let account):
            var settings = StripeConfiguration(
                secretKey: account.key, apiBase: account.base ?? StripeAPI.defaultBase, account: account.onBehalfOf)
            settings.userAgent = userAgent
            return Upstream(configuration: settings, webhookSecrets: account.webhookSecrets)
        case .sandbox(let address, let webhookSecret):
            var settings = SandboxConfiguration()
            settings.webhookSecret = webhookSecret
            settings.webhookURL = webhooks.map { "http://\($0)/webhook" }
            if case .named(.file(let path)) = configuration.database { settings.stateFile = path + ".sandbox" }
            let (thread, started) = try SandboxThread.start(settings, at: address)
            guard let key = StripeKey(started.secretKey), let secret = WebhookSecret(started.webhookSecret) else {
                throw Failure("the sandbox made keys that are none")
            }
            return Upstream(
                configuration: StripeConfiguration(secretKey: key, apiBase: "http://\(started.address)"),
                webhookSecrets: [secret], sandbox: thread, address: started.address)
        }
    }

    private static let clock: @Sendable () -> Int64 = { Int64(time(nil)) }

    /// How Stripe is reached. Its connections take a quarter of the descriptors at most.
    private static func way(_ configuration: ServerConfiguration) -> HTTPClientConfiguration {
        var way = if case .stripe(let account) = configuration.stripe { account.http } else { HTTPClientConfiguration() }
        way.maximumConnectionsPerHost = min(way.maximumConnectionsPerHost, max(1, descriptorLimit() / 4))
        return way
    }

    private static func limits(_ configuration: ServerConfiguration) -> RPCLimits {
        var limits = configuration.limits
        // Clients cannot take those of the database, of Stripe's connections, of the webhooks', and each loop's own.
        let forOurselves = 256 + 8 * configuration.loops + way(configuration).maximumConnectionsPerHost
        limits.connections = max(1, min(limits.connections, descriptorLimit() - forOurselves))
        return limits
    }

    /// How many descriptors this process may have, after raising the limit as far as the system lets it.
    private static func descriptorLimit() -> Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        limit.rlim_cur = min(limit.rlim_max, 65_536)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(limit.rlim_cur)
    }

    private static func observer(_ health: Health) -> @Sendable (StripeClient.Attempt) -> Void {
        { attempt in
            switch (attempt.verdict, attempt.status) {
            case (_, 401?), (_, 403?): health.stripeFailed("Stripe rejects the API key")
            case (.dead, let status?): health.stripeFailed("Stripe answered with HTTP status \(status)")
            case (.dead, nil): health.stripeFailed("Stripe did not answer")
            case (.alive, _): health.stripeAnswered()
            case (.unknown, _): break
            }
        }
    }

    private static func serviceLog(_ log: Log) -> ServiceLog {
        { level, message in
            switch level {
            case .info: log(.info, "service", ["message": message])
            case .warning: log(.warning, "service", ["message": message])
            case .error: log(.error, "service", ["message": message])
            }
        }
    }

    // MARK: Running

    /// Listens for calls where the configuration says so.
    func listen() throws(Failure) {
        do {
            tls = try configuration.tls?.load()
            let context = tls.map { context in { [self] in tls ?? context } }
            let inherited = configuration.inherited
            for socket in inherited.rpc { try rpc.listen(try socket.take(), tls: context) }
            addresses.tcp = inherited.rpc.lazy.compactMap(\.tcp).first
            addresses.unix = inherited.rpc.lazy.compactMap(\.unixPath).first
            addresses.inherited = (inherited.rpc + inherited.http).map(\.endpoint)
            if let address = configuration.tcp { addresses.tcp = try rpc.listen(address, tls: context) }
            if let (path, mode) = configuration.unix {
                try rpc.listen(.unix(path, mode: mode))
                addresses.unix = path
            }
            // Who serves many is in no hurry, and had better know now than at the first call.
            if !addresses.calls.isEmpty {
                try http.prepare()
                // The first sleep of a task makes descriptors for the system's timers, and ends the process where it cannot.
                blocking { try? await Task.sleep(for: .milliseconds(1)) }
            }
        } catch {
            tidy()
            throw Failure("\(error)")
        }
    }

    /// Reads again what may change while the server runs. What cannot be read leaves things as they were.
    private func reload() {
        configuration.manager.tellReloading()
        defer { configuration.manager.tellReady(status) }
        do {
            let tokens: TokenTable? = if let path = configuration.tokensPath { try Tokens.read(path) } else { nil }
            if let files = configuration.tls { tls = try files.load() }
            if let tokens { rpc.replaceTokens(tokens) }
            log(.info, "reload", ["tokens": tokens.map { String($0.count) }, "tls": tls == nil ? "none" : "loaded"])
        } catch {
            log(.error, "reload", ["failed": "\(error)"])
        }
    }

    /// One line for whoever asks the service manager.
    private var status: String { addresses.calls.isEmpty ? "Serving" : "Serving on \(addresses.calls)" }

    /// Tells the service manager, more often than it asks for, that the loop turns.
    private func watch() {
        guard let patience = configuration.manager.watchdogMilliseconds else { return }
        configuration.manager.tellAlive()
        loop.schedule(afterMilliseconds: patience / 2) { [self] in watch() }
    }

    /// Turns until SIGTERM or SIGINT, or until `end()`; returns when everything is answered and closed.
    func run() throws(Failure) {
        do throws(SystemError) {
            signals = try Signals([SIGTERM, SIGINT, SIGHUP], on: loop) { [self] signal in
                if signal == SIGHUP { reload() } else { end() }
            }
        } catch {
            tidy()
            throw Failure("\(error)")
        }
        log(
            .info, "serving",
            [
                "version": Dues.version, "mode": configuration.mode.rawValue, "tcp": addresses.tcp?.description,
                "unix": addresses.unix,
                "http": addresses.http?.description, "sandbox": addresses.sandbox?.description,
                "loops": String(configuration.loops),
            ])
        configuration.manager.tellReady(status)
        watch()
        var background: [Task<Void, Never>] = []
        // The first call comes first: what waits in the journal can wait for it.
        loop.schedule(afterMilliseconds: 50) { [projector, poller, sweeper] in
            background.append(Task.detached { await projector.run() })
            if let poller { background.append(Task.detached { await poller.run() }) }
            background.append(Task.detached { await sweeper.run() })
        }
        loop.run()
        for helper in helpers { helper.stop() }
        webhooks?.stop()
        warmer.stop()
        for task in background { task.cancel() }
        sandbox?.stop()
        http.shutdown()
        tidy()
        log(.info, "ended")
    }

    /// Leaves the database as one file, or nothing of a temporary one.
    private func tidy() {
        if let temporaryDirectory { StateDirectory.remove(temporaryDirectory) } else { store.tidy() }
    }

    /// Takes nothing more, finishes what is in flight, and lets `run()` return.
    func end() {
        guard !rpc.isDraining else { return }
        configuration.manager.tellStopping("Finishing what is in flight")
        rpc.drain(graceMilliseconds: Self.graceMilliseconds) { [webhooks, remote = loop.remote] in
            if let webhooks { webhooks.whenIdle { remote.stop() } } else { remote.stop() }
        }
        health.drain()
        webhooks?.drain()
    }
}
