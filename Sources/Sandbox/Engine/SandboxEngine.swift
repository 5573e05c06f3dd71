import Crypto
package import HTTP
import JSON

/// The Stripe API as a deterministic state machine: requests and times in, responses and events out. The same requests
/// at the same times from the same seed give the same state, byte for byte.
///
/// Not Sendable: it is owned by one thread.
package final class SandboxEngine {
    let account: Account
    private let keys: SandboxKeys
    private let router: Router
    /// Keys of requests whose answers take their time: whoever comes with one of them comes too early.
    private var keysUnderWay: Set<String> = []
    /// Request ids come from a generator of their own: reads draw from it too, and reads are not journaled.
    private var requestRandom: SandboxRandom
    /// The wall clock's latest reading; a clock that is set back does not take the sandbox with it.
    private var latest: Int64

    /// `openedAt`: the time of the first request or before, in Unix seconds. `hasConfiguredEndpoint`: whether an
    /// address was configured to which every event goes.
    package init(
        seed: UInt64, openedAt: Int64, keys: SandboxKeys = SandboxKeys(), hasConfiguredEndpoint: Bool = false
    ) {
        account = Account(seed: seed, openedAt: openedAt, hasConfiguredEndpoint: hasConfiguredEndpoint)
        self.keys = keys
        router = Router.standard
        requestRandom = SandboxRandom(seed: seed ^ 0x5EED_0F1D_5EED_0F1D)
        latest = openedAt
    }

    /// The engine that a journal tells of.
    convenience init(replaying contents: SandboxJournal.Contents, keys: SandboxKeys) {
        self.init(seed: contents.header.seed, openedAt: contents.header.openedAt, keys: keys)
        for line in contents.lines {
            switch line {
            case .request(let request):
                _ = requestRandom.text(14)
                _ = perform(request)
            case .delivered(let delivery, let at): _ = acknowledge(delivery, at: at)
            case .abandoned(let delivery, let at): _ = abandon(delivery, at: at)
            case .configured(let flag): hasConfiguredEndpoint = flag
            }
        }
        _ = takeDeliveries()
    }

    /// Whether there is a configured address to which every event goes.
    package var hasConfiguredEndpoint: Bool {
        get { account.hasConfiguredEndpoint }
        set { account.hasConfiguredEndpoint = newValue }
    }

    /// An answer, and what has to be journaled before it leaves.
    package struct Outcome {
        package let response: HTTPResponse
        /// Nil when nothing changed.
        package let entry: JournalRequest?
        /// How long the answer takes, because somebody ordered it so.
        package var delayMilliseconds: Int64 = 0
        /// Whether the connection is to end instead of an answer, for the same reason.
        package var hangsUp = false
        /// The idempotency key that is under way until the answer leaves.
        fileprivate var keyUnderWay: String?
    }

    package func handle(_ request: HTTPRequest, now: Int64) -> HTTPResponse { serve(request, now: now).response }

    /// Answers a request from outside: checks the key, then performs it.
    package func serve(_ request: HTTPRequest, now: Int64) -> Outcome {
        tick(now: now)
        if let page = Pages.answer(request, account, keys) { return Outcome(response: page, entry: nil) }
        let requestID = "req_\(requestRandom.text(14))"
        let caller: Caller
        do { caller = try keys.caller(of: request) } catch {
            return Outcome(response: failed(error, requestID, request), entry: nil)
        }
        if let refusal = BrowserOrigin.refusal(request, caller) {
            return Outcome(response: failed(refusal, requestID, request), entry: nil)
        }
        let entry = JournalRequest(request, caller: caller, requestID: requestID, at: latest)
        if let key = entry.idempotencyKey, keysUnderWay.contains(key) {
            return Outcome(response: failed(.keyInUse(key), requestID, request), entry: nil)
        }
        guard let fault = account.faults.take(for: request) else { return perform(entry) }
        return perform(entry, under: fault)
    }

    /// Performs a request on a bad day.
    private func perform(_ entry: JournalRequest, under fault: Fault) -> Outcome {
        let instead = fault.failure.map { failed($0, entry.requestID, entry.request) } ?? fault.garbled
        let isDone = fault.isAfterEffect || (instead == nil && !fault.hangsUp)
        let outcome = isDone ? perform(entry) : nil
        let nothing = HTTPResponse(status: 500)
        let key = fault.delayMilliseconds > 0 ? entry.idempotencyKey : nil
        if let key { keysUnderWay.insert(key) }
        return Outcome(
            response: instead ?? outcome?.response ?? nothing, entry: outcome?.entry,
            delayMilliseconds: fault.delayMilliseconds, hangsUp: fault.hangsUp, keyUnderWay: key)
    }

    /// The answer of a request that took its time has left.
    package func finish(_ outcome: Outcome) {
        if let key = outcome.keyUnderWay { keysUnderWay.remove(key) }
    }

    /// Lets time pass: whatever falls due until `now` happens.
    package func tick(now: Int64) {
        latest = max(latest, now)
        account.advance(to: latest + account.clockOffset)
        account.store.commit()
    }

    /// The wall-clock time at which something falls due next.
    package var nextDue: Int64? { account.store.nextDue(on: nil).map { $0.time - account.clockOffset } }

    /// Performs a request whose key was checked; also the door of the journal's replay.
    package func perform(_ entry: JournalRequest) -> Outcome {
        tick(now: entry.at)
        let request = entry.request
        let idempotencyKey = entry.idempotencyKey
        account.cause = (entry.requestID, idempotencyKey)
        if let host = request.headers["Host"] { account.origin = "http://\(host)" }
        defer { account.cause = nil }
        let point = account.savepoint
        let offsetBefore = account.clockOffset
        do throws(APIFailure) {
            let (route, path, form) = try find(request, entry.caller)
            if let idempotencyKey, let stored = try account.idempotency.replay(idempotencyKey, request, now: latest) {
                return Outcome(response: replayed(stored, idempotencyKey, entry.requestID, request), entry: nil)
            }
            let response = try answer(route, path, form, entry)
            account.settleEntitlements()
            let isAhead = account.clockOffset != offsetBefore
            let changed = account.hasChanged(since: point)
            account.store.commit()
            // What happens in time that the request itself let pass is done for good, one thing at a time.
            if isAhead { account.advance(to: latest + account.clockOffset) }
            let keeps = remember(response, idempotencyKey, entry)
            return Outcome(response: response, entry: changed || keeps ? entry : nil)
        } catch {
            if !error.keepsChanges { account.rollback(to: point) }
            account.settleEntitlements()
            account.store.commit()
            let response = failed(error, entry.requestID, request)
            let keeps = error.status == 402 && remember(response, idempotencyKey, entry)
            return Outcome(response: response, entry: error.keepsChanges || keeps ? entry : nil)
        }
    }

    // MARK: Deliveries

    /// The deliveries that arose since the last call.
    package func takeDeliveries() -> [EventDelivery] {
        defer { account.outbox = [] }
        return account.outbox
    }

    /// Every delivery that is not acknowledged, in order.
    package var undelivered: [EventDelivery] { account.undelivered.all }

    /// Whether a delivery is still to be made.
    package func awaits(_ delivery: EventDelivery) -> Bool { account.undelivered.contains(delivery) }

    /// How often the state became an earlier one: with each time the undelivered are others.
    package var returns: Int { account.snapshots.returns }

    /// An endpoint has the event. Returns the time to journal.
    package func acknowledge(_ delivery: EventDelivery, at time: Int64) -> Int64 {
        tick(now: time)
        account.acknowledge(delivery)
        account.store.commit()
        return latest
    }

    /// Nobody will try the delivery again. Returns the time to journal.
    package func abandon(_ delivery: EventDelivery, at time: Int64) -> Int64 {
        tick(now: time)
        account.abandon(delivery)
        account.store.commit()
        return latest
    }

    /// Where a delivery goes and what signs it; nil for an endpoint that is gone or disabled.
    package func target(of delivery: EventDelivery) -> (url: String, secret: String)? {
        guard let endpoint = account.find(.webhookEndpoint, delivery.endpoint), endpoint.string("status") == "enabled",
            let url = endpoint.string("url"), let secret = endpoint.string("_secret")
        else { return nil }
        return (url, secret)
    }

    /// An event as it is sent: indented JSON, in the version of the endpoint that it goes to.
    package func eventBody(_ delivery: EventDelivery) -> [UInt8]? {
        guard var event = account.find(.event, delivery.event)?.withoutHidden else { return nil }
        if let version = account.find(.webhookEndpoint, delivery.endpoint)?.string("api_version") {
            event["api_version"] = .string(version)
            if Call.isBeforeEndive(version) { event["data"] = event["data"].map(Self.withoutEndive) }
        }
        return Array(JSONValue.object(event).prettyText.utf8)
    }

    /// What is to happen to the next delivery that arises.
    package func deliveryFate() -> DeliveryFate { account.faults.fate() }

    /// Seconds by which the account's clock is ahead of the wall clock.
    package var clockOffset: Int64 { account.clockOffset }

    /// The account's own time for a time of the wall clock.
    package func accountTime(at now: Int64) -> Int64 { max(latest, now) + account.clockOffset }

    // MARK: Answering

    private func find(
        _ request: HTTPRequest, _ caller: Caller
    ) throws(APIFailure) -> (Route, [String], FormNode) {
        let path = request.path.split(separator: "/").map(String.init)
        guard let (route, values) = router.find(method: request.method, path: path) else {
            throw APIFailure(
                404,
                "Unrecognized request URL (\(request.method): \(request.path)). Please see https://stripe.com/docs or we "
                    + "can help at https://support.stripe.com/.")
        }
        guard caller == .secret || route.isForBrowsers else {
            throw APIFailure(
                401,
                "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a "
                    + "list of your API keys at https://dashboard.stripe.com/account/apikeys.",
                code: "secret_key_required")
        }
        let pairs = FormNode.pairs(request.query.utf8) + (request.method == "POST" ? FormNode.pairs(request.body) : [])
        guard let form = FormNode(pairs: pairs.filter { $0.name != "key" || !$0.value.hasPrefix("sk_") }) else {
            throw .invalid("The request has too many parameters.")
        }
        return (route, values, form)
    }

    private func answer(
        _ route: Route, _ path: [String], _ form: FormNode, _ entry: JournalRequest
    ) throws(APIFailure) -> HTTPResponse {
        let version = entry.request.headers["Stripe-Version"] ?? Account.apiVersion
        let call = Call(
            path: path, params: try ParameterDecoder.decode(form, route.parameters), url: entry.request.path,
            caller: entry.caller, apiVersion: version)
        var body = try account.inTime(of: account.clock(namedBy: call)) { () throws(APIFailure) in
            try route.handler(account)(call)
        }
        if let place = body["_location"]?.stringValue { return Self.redirection(to: place) }
        if body["metadata"]?.objectValue?.count ?? 0 > ParameterDecoder.mostMetadataKeys {
            throw .tooMuchMetadata("metadata")
        }
        let paths = call.params.array("expand").compactMap(\.stringValue)
        if !paths.isEmpty { body = try Expansion(account: account).apply(paths, to: body) }
        if call.isBeforeEndive { body = Self.withoutEndive(body) }
        return response(200, body, entry.requestID, entry.request)
    }

    /// The answer to a page's form: the browser goes on to another page.
    private static func redirection(to place: String) -> HTTPResponse {
        HTTPResponse(status: 303, headers: ["Location": place, "Cache-Control": "no-store"])
    }

    /// Members that 2026-09-30.endive added, taken away for clients of older versions.
    private static func withoutEndive(_ value: JSONValue) -> JSONValue {
        switch value {
        case .array(let elements): return .array(elements.map(withoutEndive))
        case .object(let object):
            let isNewer = object.string("object") == "subscription" || object.string("object") == "invoice"
            return .object(
                JSONObject(
                    object.lazy.filter { !isNewer || $0.key != "status_details" }.map { ($0.key, withoutEndive($0.value)) })
            )
        default: return value
        }
    }

    private func failed(_ failure: APIFailure, _ requestID: String, _ request: HTTPRequest) -> HTTPResponse {
        let body = failure.body(requestID: requestID, now: account.now)
        var response = response(failure.status, body, requestID, request)
        for (name, value) in failure.headers { response.headers.add(name, value) }
        return response
    }

    private func response(
        _ status: Int, _ body: JSONValue, _ requestID: String, _ request: HTTPRequest
    ) -> HTTPResponse {
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Request-Id": requestID]
        headers.add("Stripe-Version", request.headers["Stripe-Version"] ?? Account.apiVersion)
        headers.add("Access-Control-Allow-Origin", "*")
        if request.method == "POST", let key = request.headers["Idempotency-Key"] { headers.add("Idempotency-Key", key) }
        return HTTPResponse(status: status, headers: headers, body: Array((body.prettyText + "\n").utf8))
    }

    // MARK: Idempotency

    /// Keeps an answer for its key. Returns whether it did.
    private func remember(_ response: HTTPResponse, _ key: String?, _ entry: JournalRequest) -> Bool {
        guard let key else { return false }
        account.idempotency.store(key, entry.request, response, requestID: entry.requestID, now: latest)
        return true
    }

    private func replayed(
        _ stored: IdempotencyStore.Answer, _ key: String, _ requestID: String, _ request: HTTPRequest
    ) -> HTTPResponse {
        var headers: HTTPHeaders = ["Content-Type": "application/json", "Request-Id": requestID]
        headers.add("Stripe-Version", request.headers["Stripe-Version"] ?? Account.apiVersion)
        headers.add("Access-Control-Allow-Origin", "*")
        headers.add("Idempotency-Key", key)
        headers.add("Original-Request", stored.requestID)
        headers.add("Idempotent-Replayed", "true")
        return HTTPResponse(status: stored.status, headers: headers, body: stored.body)
    }
}
