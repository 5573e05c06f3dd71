/// Subscription schedules (https://docs.stripe.com/api/subscription_schedules): changes that wait for their date.
package import JSON

package struct StripeSchedule: StripeObject {
    package let id: String
    /// `not_started`, `active`, `completed`, `released`, `canceled`.
    package let status: String
    package let customer: StripeReference?
    /// The subscription that it changes; nil before it starts, and after it was released.
    package let subscription: StripeReference?
    /// The subscription that it changed until it was released.
    package let releasedSubscription: StripeReference?
    /// Nil where it is not active.
    package let currentPhase: CurrentPhase?
    /// In the order of their time, those that are over included.
    package let phases: [SchedulePhase]
    /// What becomes of the subscription after the last phase: `release` lets it go on, `cancel` ends it.
    package let endBehavior: String?
    package let created: Int64?
    package let canceledAt: Int64?
    package let completedAt: Int64?
    package let releasedAt: Int64?
    package let testClock: StripeReference?
    package let metadata: [String: String]
    package let raw: JSONValue

    /// Unix seconds.
    package struct CurrentPhase: Sendable, Equatable {
        package let startDate: Int64
        package let endDate: Int64?
    }

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id"), let status = raw.text("status") else { return nil }
        self.id = id
        self.status = status
        customer = raw.reference("customer")
        subscription = raw.reference("subscription")
        releasedSubscription = raw.reference("released_subscription")
        currentPhase = raw.at("current_phase").flatMap { phase in
            phase.integer("start_date").map {
                CurrentPhase(startDate: $0, endDate: phase.integer("end_date"))
            }
        }
        phases = raw.elements("phases").map(SchedulePhase.init)
        endBehavior = raw.text("end_behavior")
        created = raw.integer("created")
        canceledAt = raw.integer("canceled_at")
        completedAt = raw.integer("completed_at")
        releasedAt = raw.integer("released_at")
        testClock = raw.reference("test_clock")
        metadata = raw.metadata
        self.raw = raw
    }

    /// The phases that an update has to name: the current one and those to come.
    package var phasesFromNow: [SchedulePhase] {
        guard let start = currentPhase?.startDate else { return phases }
        return phases.filter { ($0.startDate ?? .max) >= start }
    }
}

package struct ScheduleUpdate: Sendable {
    /// In place of all the phases: the current one, with its start, and those to come (`StripeSchedule.phasesFromNow`).
    package var phases: [SchedulePhase]?
    /// `release` or `cancel`.
    package var endBehavior: String?
    /// How the change that this update makes in the current phase is billed.
    package var prorationBehavior: ProrationBehavior?
    package var metadata: [String: String]?
    package var expand: [String] = []

    package init() {}

    var form: FormParameters {
        var form = FormParameters()
        form.set("phases", phases?.map(\.form))
        form.set("end_behavior", endBehavior)
        form.set("proration_behavior", prorationBehavior?.rawValue)
        form.set("metadata", metadata)
        form.set("expand", expand)
        return form
    }
}

extension StripeClient {
    /// Puts a subscription under a schedule whose one phase is the subscription as it is, until its period ends.
    package func createSchedule(
        fromSubscription subscription: String, metadata: [String: String]? = nil, expand: [String] = [],
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSchedule> {
        var form: FormParameters = ["from_subscription": .text(subscription)]
        form.set("metadata", metadata)
        form.set("expand", expand)
        return try await answer(.post, ["subscription_schedules"], form, options)
    }

    package func retrieveSchedule(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSchedule> {
        try await answer(.get, ["subscription_schedules", id], Self.expanding(expand), options)
    }

    package func updateSchedule(
        _ id: String, _ update: ScheduleUpdate, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSchedule> {
        try await answer(.post, ["subscription_schedules", id], update.form, options)
    }

    /// Lets the subscription go on as it is, without what was to come.
    ///
    /// - Parameter preservesCancelDate: keeps the end that a schedule with `cancel` gave the subscription.
    package func releaseSchedule(
        _ id: String, preservesCancelDate: Bool? = nil, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSchedule> {
        var form = FormParameters()
        form.set("preserve_cancel_date", preservesCancelDate)
        return try await answer(.post, ["subscription_schedules", id, "release"], form, options)
    }

    /// Ends the schedule and its subscription, now.
    ///
    /// - Parameters:
    ///   - invoiceNow: whether a final invoice takes what is pending.
    ///   - prorate: whether the rest of the paid period is credited; Stripe's default is that it is.
    package func cancelSchedule(
        _ id: String, invoiceNow: Bool? = nil, prorate: Bool? = nil, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSchedule> {
        var form = FormParameters()
        form.set("invoice_now", invoiceNow)
        form.set("prorate", prorate)
        return try await answer(.post, ["subscription_schedules", id, "cancel"], form, options)
    }
}
