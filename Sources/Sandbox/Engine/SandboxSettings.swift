import JSON

/// What the owner of a Stripe account decides in its Dashboard, for which the API has no endpoint: how often a failed
/// payment is tried again, what follows the last failure, when renewals are announced. `POST /sandbox/settings` sets it.
struct SandboxSettings: Equatable {
    enum EndOfRetries: String {
        case cancel, unpaid, pause
        case pastDue = "past_due"
    }

    /// Days after a failed automatic attempt at which the next is made, one number a retry.
    var retryDays: [Int64] = [3, 5, 7]
    /// What becomes of the subscription when the last retry fails.
    var afterRetries = EndOfRetries.cancel
    /// Days after its due date at which an unpaid invoice that was sent ends its subscription in the same way; nil for
    /// never.
    var overdueDays: Int64?
    /// Days before a renewal at which `invoice.upcoming` is sent; 0 for not at all.
    var upcomingDays: Int64 = 0
    /// Seconds that a bank debit is `processing`.
    var debitSeconds: Int64 = 180

    fileprivate static let id = "settings"

    init() {}

    init(_ stored: JSONObject) {
        retryDays = stored["retry_days"]?.arrayValue?.compactMap(\.integerValue) ?? retryDays
        afterRetries = stored.string("after_retries").flatMap(EndOfRetries.init) ?? afterRetries
        overdueDays = stored.integer("overdue_days")
        upcomingDays = stored.integer("upcoming_days") ?? upcomingDays
        debitSeconds = stored.integer("debit_seconds") ?? debitSeconds
    }

    var json: JSONObject {
        [
            "id": .string(Self.id), "object": "sandbox.settings", "after_retries": .string(afterRetries.rawValue),
            "debit_seconds": .integer(debitSeconds), "overdue_days": .optional(overdueDays),
            "retry_days": .array(retryDays.map(JSONValue.integer)), "upcoming_days": .integer(upcomingDays),
        ]
    }
}

extension Account {
    static let settingsRoutes: [Route] = [
        Route("GET /sandbox/settings", "", Account.readSettings),
        Route(
            "POST /sandbox/settings",
            """
            after_retries:(cancel|unpaid|past_due|pause) debit_seconds:int overdue_days?:int retry_days?:[int] \
            upcoming_days:int
            """, Account.changeSettings),
    ]

    var settings: SandboxSettings {
        store.object(.settings, SandboxSettings.id).map(SandboxSettings.init) ?? SandboxSettings()
    }

    func readSettings(_ call: Call) throws(APIFailure) -> JSONValue { .object(settings.json) }

    /// Changes what is given; an empty `retry_days` means no retry, an empty `overdue_days` never.
    func changeSettings(_ call: Call) throws(APIFailure) -> JSONValue {
        for (name, bounds) in [("overdue_days", 1...365), ("upcoming_days", 0...45), ("debit_seconds", 0...1_209_600)]
            as [(String, ClosedRange<Int64>)]
        {
            try Self.check(call.params, name, in: bounds)
        }
        var changed = settings.json
        changed.copy(["after_retries", "debit_seconds", "overdue_days", "upcoming_days"], from: call.params)
        if let days = call.params["retry_days"] {
            let numbers = days.arrayValue?.compactMap(\.integerValue) ?? []
            guard numbers.count <= 8, numbers.allSatisfy({ (1...60).contains($0) }) else {
                throw .invalid("retry_days are at most 8 numbers from 1 to 60.", param: "retry_days")
            }
            changed["retry_days"] = .array(numbers.map(JSONValue.integer))
        }
        put(.settings, changed)
        if call.params.has("upcoming_days") {
            for id in store.ids(.subscription) where !Self.isOver(known(.subscription, id)) { refreshPeriod(of: id) }
        }
        return .object(changed)
    }
}
