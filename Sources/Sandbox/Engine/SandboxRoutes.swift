import JSON

/// The sandbox's own endpoints, which Stripe does not have: its clock and bad days.
extension Account {
    static let sandboxRoutes: [Route] = [
        Route("POST /sandbox/clock/advance", "by:(hour|day|month|next) seconds:int to:int @order", Account.advanceClock),
        Route("GET /sandbox/clock", "", Account.readClock),
        Route("POST /sandbox/faults", Fault.table + " " + FaultDial.table, Account.orderFault),
        Route("GET /sandbox/faults", "", Account.listFaults),
        Route("DELETE /sandbox/faults", "", Account.deleteFaults),
    ]

    func readClock(_ call: Call) throws(APIFailure) -> JSONValue { .object(clockShown) }

    private var clockShown: JSONObject {
        ["object": "sandbox.clock", "now": .integer(now), "offset": .integer(clockOffset)]
    }

    /// Moves the account's clock forward: by `seconds`, to the Unix time `to`, or `by` an hour, a day, a month of the calendar, or
    /// as far as the `next` thing that falls due. What falls due on the way happens as soon as the answer is made.
    func advanceClock(_ call: Call) throws(APIFailure) -> JSONValue {
        let target = try target(of: call.params)
        guard target >= now else { throw .invalid("The clock cannot go back.", param: "to") }
        guard target - now <= 6 * 366 * CivilDate.secondsPerDay else {
            throw .invalid("The clock can be advanced by at most six years at a time.", param: "seconds")
        }
        clockOffset += target - now
        return call.answer(["object": "sandbox.clock", "now": .integer(target), "offset": .integer(clockOffset)])
    }

    private func target(of params: JSONObject) throws(APIFailure) -> Int64 {
        if let time = params.integer("to") { return time }
        if let seconds = params.integer("seconds") { return now &+ seconds }
        switch params.string("by") {
        case "hour": return now + 3600
        case "day": return now + CivilDate.secondsPerDay
        case "month": return CivilDate(unix: now).adding(months: 1).unix
        case "next":
            guard let next = store.nextDue(on: nil) else { throw .invalid("Nothing is to come.", param: "by") }
            return next.time
        default: throw .missing("seconds")
        }
    }
}
