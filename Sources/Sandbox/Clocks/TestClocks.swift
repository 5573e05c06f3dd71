import JSON

/// Test clocks: customers who live in a time of their own, which stands still until it is advanced
/// (docs.stripe.com/billing/testing/test-clocks).
extension Account {
    /// Bounds that Stripe documents.
    private enum ClockLimit {
        static let customers = 3
        static let subscriptionsPerCustomer = 3
        /// Days after which a clock deletes itself.
        static let days: Int64 = 30
    }

    static let clockRoutes: [Route] = [
        Route("POST /v1/test_helpers/test_clocks", "frozen_time!:int customer name", Account.createClock),
        Route("GET /v1/test_helpers/test_clocks", "@page", Account.listClocks),
        Route("GET /v1/test_helpers/test_clocks/{test_clock}", "", Account.retrieveClock),
        Route("DELETE /v1/test_helpers/test_clocks/{test_clock}", "", Account.deleteClock),
        Route("POST /v1/test_helpers/test_clocks/{test_clock}/advance", "frozen_time!:int", Account.advanceTestClock),
    ]

    func createClock(_ call: Call) throws(APIFailure) -> JSONValue {
        let time = call.params.integer("frozen_time") ?? 0
        guard time > 0, time <= now + 10 * 366 * CivilDate.secondsPerDay else {
            throw .invalid("Invalid frozen_time: \(time)", param: "frozen_time")
        }
        let id = newID(.testClock)
        put(
            .testClock,
            [
                "id": .string(id), "object": "test_helpers.test_clock", "created": .integer(now),
                "deletes_after": .integer(now + ClockLimit.days * CivilDate.secondsPerDay), "frozen_time": .integer(time),
                "livemode": false, "name": call.params["name"] ?? .null, "status": "ready", "status_details": [:],
            ])
        if let customer = call.params.string("customer") { try moveCustomer(customer, to: id) }
        emit("test_helpers.test_clock.created", .testClock, id)
        return .object(rendered(.testClock, id))
    }

    /// An existing customer joins a clock with all that is theirs, for good.
    private func moveCustomer(_ id: String, to clock: String) throws(APIFailure) {
        let customer = try referred(.customer, id, param: "customer")
        guard customer.string("test_clock") == nil else {
            throw .invalid("The customer \(id) is already attached to a test clock.", param: "customer")
        }
        change(.customer, id) { $0["test_clock"] = .string(clock) }
        for kind in [ObjectKind.subscription, .schedule, .invoice, .invoiceItem] {
            for object in all(kind, where: "customer", is: id) {
                change(kind, object.id) { $0["test_clock"] = .string(clock) }
            }
        }
        // What else falls due for the customer is written again, and so falls due by the clock.
        for kind in [ObjectKind.paymentIntent, .discount] {
            for object in all(kind, where: "customer", is: id) { put(kind, object) }
        }
    }

    func retrieveClock(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.testClock, try named(.testClock, call.id)))
    }

    func listClocks(_ call: Call) throws(APIFailure) -> JSONValue { try list(.testClock, call) }

    /// Deletes the clock, its customers, and so their subscriptions.
    func deleteClock(_ call: Call) throws(APIFailure) -> JSONValue {
        endClock(try named(.testClock, call.id).id)
        return .object(rendered(.testClock, call.id))
    }

    private func endClock(_ id: String) {
        inTime(of: id) {
            for customer in all(.customer, where: "test_clock", is: id) { removeCustomer(customer.id) }
        }
        emit("test_helpers.test_clock.deleted", .testClock, id)
        change(.testClock, id) { $0["_deleted"] = true }
    }

    // MARK: Advancing

    /// Orders the advance; what falls due on the way happens before anything else does, and the clock is ready then.
    func advanceTestClock(_ call: Call) throws(APIFailure) -> JSONValue {
        let clock = try named(.testClock, call.id)
        let time = call.params.integer("frozen_time") ?? 0
        let start = clock.integer("frozen_time") ?? now
        guard time > start else {
            throw .invalid(
                "The `frozen_time` must be after the test clock's current frozen time, which is \(start).",
                param: "frozen_time")
        }
        guard time <= furthest(of: call.id, from: start) else {
            throw .invalid(
                "You cannot advance a test clock by more than two intervals of its shortest subscription, or two years if "
                    + "it has none.", param: "frozen_time")
        }
        change(.testClock, call.id) {
            $0["status"] = "advancing"
            $0["status_details"] = ["advancing": ["target_frozen_time": .integer(time)]]
            $0["_ready_at"] = .integer(now)
        }
        emit("test_helpers.test_clock.advancing", .testClock, call.id)
        return .object(rendered(.testClock, call.id))
    }

    private func furthest(of clock: String, from start: Int64) -> Int64 {
        var furthest: Int64?
        for customer in all(.customer, where: "test_clock", is: clock) {
            for subscription in all(.subscription, where: "customer", is: customer.id) where !Self.isOver(subscription) {
                for item in items(of: subscription.id) {
                    let end = Self.interval(of: price(of: item)).boundary(2, anchor: start)
                    furthest = min(furthest ?? end, end)
                }
            }
        }
        return furthest ?? BillingInterval(unit: "year", count: 2).boundary(1, anchor: start)
    }

    /// When a clock needs attention in the account's own time: to arrive, or to delete itself.
    static func dueClock(_ clock: JSONObject) -> Int64? {
        clock.flag("_deleted") ? nil : clock.integer("_ready_at") ?? clock.integer("deletes_after")
    }

    func runClock(_ id: String) {
        let clock = known(.testClock, id)
        guard let target = clock.object("status_details").object("advancing").integer("target_frozen_time") else {
            return endClock(id)
        }
        inTime(of: id) { run(until: target, on: id) }
        change(.testClock, id) {
            $0["frozen_time"] = .integer(target)
            $0["status"] = "ready"
            $0["status_details"] = [:]
            $0["_ready_at"] = nil
        }
        emit("test_helpers.test_clock.ready", .testClock, id)
    }

    // MARK: Room

    /// Whether another customer may join a clock.
    func checkRoom(onClock id: String) throws(APIFailure) {
        _ = try referred(.testClock, id, param: "test_clock")
        guard all(.customer, where: "test_clock", is: id).count < ClockLimit.customers else {
            throw .invalid("A test clock can have up to \(ClockLimit.customers) customers.", param: "test_clock")
        }
    }

    /// Whether a customer on a clock may have another subscription.
    func checkRoom(ofCustomer id: String) throws(APIFailure) {
        guard known(.customer, id).string("test_clock") != nil else { return }
        let live = all(.subscription, where: "customer", is: id).count { !Self.isOver($0) }
        guard live < ClockLimit.subscriptionsPerCustomer else {
            throw .invalid(
                "A customer with a test clock can have up to \(ClockLimit.subscriptionsPerCustomer) subscriptions.",
                param: "customer")
        }
    }
}
