import JSON

/// The sandbox's own endpoints, which Stripe does not have: its clock and bad days.
extension Account {
    static let sandboxRoutes: [Route] = [
        Route("POST /sandbox/clock/advance", "seconds:int to:int", Account.advanceClock),
        Route("GET /sandbox/clock", "", Account.readClock),
        Route("POST /sandbox/faults", Fault.table + " " + FaultDial.table, Account.orderFault),
        Route("GET /sandbox/faults", "", Account.listFaults),
        Route("DELETE /sandbox/faults", "", Account.deleteFaults),
    ]

    func readClock(_ call: Call) throws(APIFailure) -> JSONValue {
        ["object": "sandbox.clock", "now": .integer(now), "offset": .integer(clockOffset)]
    }

    /// Moves the account's clock forward by `seconds`, or to the Unix time `to`. What falls due on the way happens as soon as
    /// the answer is made.
    func advanceClock(_ call: Call) throws(APIFailure) -> JSONValue {
        guard let target = call.params.integer("to") ?? call.params.integer("seconds").map({ now &+ $0 }) else {
            throw .missing("seconds")
        }
        guard target >= now else { throw .invalid("The clock cannot go back.", param: "to") }
        guard target - now <= 6 * 366 * CivilDate.secondsPerDay else {
            throw .invalid("The clock can be advanced by at most six years at a time.", param: "seconds")
        }
        clockOffset += target - now
        return ["object": "sandbox.clock", "now": .integer(target), "offset": .integer(clockOffset)]
    }
}
