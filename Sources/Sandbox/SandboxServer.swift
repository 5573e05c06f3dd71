package import EventLoop
import HTTP
import JSON

/// The sandbox as a server: the engine behind HTTP, the journal beneath it, and the events on their way out.
///
/// Owned by the thread of its loop, on which it is made. What was changed is on disk before anybody learns of it: the
/// answers of one turn wait for one write.
package final class SandboxServer {
    private let loop: EventLoop
    private let configuration: SandboxConfiguration
    private let engine: SandboxEngine
    private let journal: SandboxJournal?
    private let client = HTTPClient()
    /// Retained by the loop, which holds what serves its connections.
    private weak var server: HTTPServer?
    private var delivery = WebhookDelivery()
    /// How often the engine had gone back to an earlier state when `delivery` was begun.
    private var returns = 0
    /// Answers that leave when the journal is on disk.
    private var waiting: [(responder: HTTPResponder, outcome: SandboxEngine.Outcome)] = []
    private var flushIsScheduled = false
    private var wake: TimerToken?

    /// The keys that a client may use, and the secret of what goes to the configured address.
    package let secretKey: String
    package let publishableKey: String
    package let webhookSecret: String

    /// Opens the state file, if there is one, and replays it.
    package init(loop: EventLoop, configuration: SandboxConfiguration) throws(SystemError) {
        self.loop = loop
        self.configuration = configuration
        let fresh = SandboxJournal.Header(seed: configuration.seed, openedAt: configuration.clockTime)
        var contents = SandboxJournal.Contents(header: fresh)
        if let path = configuration.stateFile {
            (journal, contents) = try SandboxJournal.open(path, header: fresh)
        } else {
            journal = nil
        }
        let keys = SandboxKeys(configuration, seed: contents.header.seed)
        var random = SandboxRandom(seed: contents.header.seed ^ 0x5748_5345_4357_4853)
        secretKey = keys.secretKey
        publishableKey = keys.publishableKey
        webhookSecret = configuration.webhookSecret ?? "whsec_\(random.text(32))"
        engine = SandboxEngine(replaying: contents, keys: keys)
        let sendsToAddress = configuration.webhookURL != nil
        if engine.hasConfiguredEndpoint != sendsToAddress {
            engine.hasConfiguredEndpoint = sendsToAddress
            journal?.append(.configured(sendsToAddress))
        }
        startOver()
    }

    /// Starts serving; answers the address with the port that was bound (port 0 picks one).
    @discardableResult
    package func listen(_ address: SocketAddress) throws(SystemError) -> SocketAddress {
        let server = HTTPServer(loop: loop) { [self] request, responder in serve(request, responder) }
        self.server = server
        let bound = try server.listen(address)
        pump()
        return bound
    }

    /// Stops accepting; what is in hand is answered.
    package func drain() {
        flush()
        server?.drain()
    }

    // MARK: Requests

    private func serve(_ request: HTTPRequest, _ responder: HTTPResponder) {
        guard journal?.isBroken != true else { return responder.respond(Self.broken) }
        let outcome = engine.serve(request, now: configuration.clockTime)
        if let entry = outcome.entry { journal?.append(.request(entry)) }
        // Even a reading waits while something unwritten is before it, for it may tell of that.
        waiting.append((responder, outcome))
        if journal == nil { return flush() }
        guard !flushIsScheduled else { return }
        flushIsScheduled = true
        loop.schedule(afterMilliseconds: 0) { [self] in flush() }
    }

    /// Makes the journal durable, then lets the answers go and the events follow.
    private func flush() {
        flushIsScheduled = false
        let isDurable = journal?.flush() ?? true
        let answers = waiting
        waiting = []
        let date = HTTPDate.text(engine.accountTime(at: configuration.clockTime))
        for (responder, outcome) in answers {
            var answer = isDurable ? outcome.response : Self.broken
            // The sandbox's own clock, which may be ahead: what is reckoned from it is then reckoned right.
            answer.headers["Date"] = date
            let leave = { outcome.hangsUp ? responder.hangUp() : responder.respond(answer) }
            if outcome.delayMilliseconds == 0 {
                leave()
            } else {
                loop.schedule(afterMilliseconds: outcome.delayMilliseconds) { [self] in
                    engine.finish(outcome)
                    leave()
                }
            }
        }
        if isDurable { pump() }
    }

    private static let broken = HTTPResponse(
        status: 500, headers: ["Content-Type": "application/json", "Stripe-Should-Retry": "false"],
        body: JSONValue.object([
            "error": [
                "type": "api_error", "message": "The sandbox could not write its state file and answers nothing more.",
            ]
        ]).bytes)

    // MARK: Events and time

    /// Starts what is to be sent, and sees to it that time is looked at again when something falls due.
    private func pump() {
        if engine.returns != returns { startOver() }
        for made in engine.takeDeliveries() {
            let fate = engine.deliveryFate()
            if fate.isDropped { conclude(made, .abandon) } else { delivery.add(made, fate, at: clock) }
        }
        for next in delivery.due(clock) { send(next) }
        if let wake { loop.cancel(wake) }
        wake = nil
        let retry = delivery.nextMilliseconds.map { $0 - clock }
        let action = engine.nextDue.map { ($0 - configuration.clockTime) * 1000 }
        guard let soonest = [retry, action].compactMap({ $0 }).min() else { return }
        // Not longer than a minute at a time, since the wall clock may be set.
        wake = loop.schedule(afterMilliseconds: min(max(soonest, 1), 60_000)) { [self] in
            wake = nil
            engine.tick(now: configuration.clockTime)
            pump()
        }
    }

    /// Takes up the deliveries that the state says are still to be made, whatever was on its way before.
    private func startOver() {
        returns = engine.returns
        _ = engine.takeDeliveries()
        delivery = WebhookDelivery()
        for pending in engine.undelivered { delivery.add(pending) }
    }

    /// The loop's time, ahead of itself by as much as the sandbox's clock is.
    private var clock: Int64 { loop.now + engine.clockOffset * 1000 }

    private func send(_ sending: EventDelivery) {
        // One that was delivered again on order, and arrived, need not be tried again on its own account.
        guard engine.awaits(sending) else {
            _ = delivery.finished(sending, .accepted, clock)
            return
        }
        guard let body = engine.eventBody(sending), let target = target(of: sending) else {
            return conclude(sending, .abandon)
        }
        let request = WebhookRequest.make(
            url: target.url, secret: target.secret, body: body, time: configuration.now())
        let confined = LoopConfined(self, to: loop)
        let remote = loop.remote
        client.start(request, timeoutMilliseconds: configuration.deliveryTimeoutMilliseconds) { result in
            let status = (try? result.get())?.status ?? 0
            remote.post { loop in
                confined.value(on: loop).finished(sending, (200..<300).contains(status) ? .accepted : .failed)
            }
        }
    }

    private func target(of sending: EventDelivery) -> (url: String, secret: String)? {
        guard sending.endpoint == EventDelivery.configuredEndpoint else { return engine.target(of: sending) }
        return configuration.webhookURL.map { ($0, webhookSecret) }
    }

    private func finished(_ sending: EventDelivery, _ outcome: WebhookDelivery.Outcome) {
        conclude(sending, delivery.finished(sending, outcome, clock))
        pump()
    }

    /// Writes down what became of a delivery. The line need not be on disk at once: losing it means sending twice, which
    /// receivers must expect anyway.
    private func conclude(_ sending: EventDelivery, _ decision: WebhookDelivery.Decision) {
        switch decision {
        case .acknowledge:
            let time = engine.acknowledge(sending, at: configuration.clockTime)
            journal?.append(.delivered(sending, at: time))
        case .abandon:
            let time = engine.abandon(sending, at: configuration.clockTime)
            journal?.append(.abandoned(sending, at: time))
        case .retry, .ignore: return
        }
        guard journal != nil, !flushIsScheduled else { return }
        flushIsScheduled = true
        loop.schedule(afterMilliseconds: 0) { [self] in flush() }
    }
}

/// A value that belongs to one loop's thread, on its way through another thread.
///
/// `@unchecked Sendable` because it is only handed over, never used, elsewhere: it can be had on its loop alone.
private final class LoopConfined<Value>: @unchecked Sendable {
    private let confined: Value
    private let owner: ObjectIdentifier

    init(_ value: Value, to loop: EventLoop) {
        confined = value
        owner = ObjectIdentifier(loop)
    }

    func value(on loop: EventLoop) -> Value {
        precondition(ObjectIdentifier(loop) == owner, "the value belongs to another loop")
        return confined
    }
}
