internal import Contract
internal import Glibc
internal import JSON
internal import RPC
internal import Stripe
internal import Synchronization

extension Command {
    /// `dues reconcile`: a whole walk of Reconcile calls.
    static let reconcile = Command(
        name: "reconcile", summary: "Compare the store with Stripe, and correct it.",
        flags: [
            Flag(name: "customer", placeholder: "ID", help: "Only this customer and what belongs to it."),
            Flag(name: "cursor", placeholder: "CURSOR", help: "Go on where an earlier walk ended."),
            Flag(
                name: "rate", placeholder: "N", help: "At most so many objects a second (as many as Stripe's limits let)."),
        ] + serverFlags,
        discussion: """
            Asks a running server, or with --stdio one of its own, to go through Stripe's objects. What was wrong, and is
            corrected, goes to standard output, a line of JSON each; how far it is goes to standard error. A walk that is cut off,
            by Ctrl-C too, says with which --cursor another goes on.
            The exit status is 0 at the end, 130 after Ctrl-C, and that of dues call after a failure.
            """
    ) { arguments throws(Failure) in
        let rate = try arguments.integer("rate", in: 1...10_000)
        let metadata = try authorization(arguments)
        let client = try connect(arguments)
        defer { client.close() }
        signal(SIGINT) { _ in isInterrupted.store(true, ordering: .relaxed) }
        var walk = Walk(cursor: arguments.value("cursor"))
        while true {
            do throws(RPCError) {
                let began = ContinuousClock.now
                guard try walk.step(client, customer: arguments.value("customer"), authorization: metadata) else { break }
                if let rate { sleep(until: began + .seconds(1) * Double(walk.lastChecked) / Double(rate)) }
            } catch {
                guard error.retryable, walk.mayTryAgain else {
                    walk.bar.end()
                    StandardError.write(describe(error) + walk.advice)
                    return Int32(error.status.grpcNumber)
                }
                sleep(until: .now + .milliseconds(error.retryAfterMilliseconds ?? 1000))
            }
            if isInterrupted.load(ordering: .relaxed) {
                walk.bar.end()
                StandardError.write(walk.advice)
                return 130
            }
        }
        walk.bar.end()
        StandardError.write("checked \(walk.checked) objects, corrected \(walk.corrected)\n")
        return 0
    }

    private static let isInterrupted = Atomic(false)

    private static func sleep(until instant: ContinuousClock.Instant) {
        let left = (instant - .now) / .microseconds(1)
        if left > 0 { usleep(UInt32(min(left, 60_000_000))) }
    }

    private struct Walk {
        private static let triesInARow = 20

        var bar = ProgressBar("checked")
        private(set) var checked: Int64 = 0
        private(set) var corrected = 0
        private(set) var lastChecked: Int64 = 0
        private var known: Int64?
        private var cursor: String?
        private var tries = 0
        private var key = StripeClient.freshIdempotencyKey()

        init(cursor: String?) { self.cursor = cursor }

        var mayTryAgain: Bool { tries < Self.triesInARow && !isInterrupted.load(ordering: .relaxed) }

        var advice: String {
            let how = cursor.map { "goes on with --cursor \($0)" } ?? "begins anew"
            return "checked \(checked) objects, corrected \(corrected); another walk \(how)\n"
        }

        /// Makes one call; false at the walk's end.
        mutating func step(
            _ client: RPCClient, customer: String?, authorization: JSONValue?
        ) throws(RPCError) -> Bool {
            tries += 1
            var params: JSONObject = [:]
            if let customer { params["customerId"] = .string(customer) }
            if let cursor { params["cursor"] = .string(cursor) }
            // One key however often the call is made: then a failure that nobody knows the effect of may be tried again.
            var metadata: JSONObject = ["idempotencyKey": .string(key)]
            metadata["authorization"] = authorization
            params["_meta"] = .object(metadata)
            let result = try client.call(Method.reconcile.rawValue, .object(params))
            tries = 0
            key = StripeClient.freshIdempotencyKey()
            lastChecked = result["checked"]?.integerValue ?? 0
            checked += lastChecked
            known = result["known"]?.integerValue ?? known
            let drift = result["drift"]?.arrayValue ?? []
            corrected += drift.count
            if !drift.isEmpty { bar.end() }
            for correction in drift { StandardOutput.write(correction.text + "\n") }
            bar.tell(checked, of: known)
            guard let next = result["nextCursor"]?.stringValue else { return false }
            cursor = next
            return true
        }
    }
}
