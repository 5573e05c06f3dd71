/// Subscription schedules: what they hold, and that what is not changed is sent back as it came.
internal import JSON
internal import Stripe
internal import TestSupport
internal import Testing

@Suite struct ScheduleTests {
    /// As Stripe makes it from a subscription with a discount, a tax rate and a payment method, with a phase behind it.
    static let answer = #"""
        {"id":"sub_sched_1","object":"subscription_schedule","status":"active","customer":"cus_1","subscription":"sub_1",
        "released_subscription":null,"current_phase":{"start_date":200,"end_date":300},"end_behavior":"release","created":5,
        "canceled_at":null,"metadata":{"a":"b"},"default_settings":{"billing_cycle_anchor":"automatic"},"phases":[
        {"start_date":100,"end_date":200,"items":[{"price":"price_0","quantity":1}]},
        {"start_date":200,"end_date":300,"items":[{"price":{"id":"price_1","object":"price","unit_amount":5},"plan":"price_1",
        "quantity":2,"metadata":{"seat":"x"},"discounts":[{"coupon":null,"discount":"di_2","promotion_code":null}],
        "tax_rates":[{"id":"txr_2","object":"tax_rate","percentage":19}],"billing_thresholds":null}],
        "add_invoice_items":[],"application_fee_percent":1.5,"automatic_tax":{"enabled":true,"disabled_reason":null,
        "liability":{"type":"self"}},"billing_cycle_anchor":null,"billing_thresholds":null,
        "collection_method":"charge_automatically","currency":"usd","default_payment_method":"pm_1",
        "default_tax_rates":[{"id":"txr_1","object":"tax_rate"}],"description":"Seats",
        "discounts":[{"coupon":"co_1","discount":null,"promotion_code":null}],"invoice_settings":{"days_until_due":3,
        "issuer":{"type":"self"}},"metadata":{"k":"v"},"on_behalf_of":null,"proration_behavior":"create_prorations",
        "transfer_data":null,"trial":null,"trial_end":250,"heard_of_never":{"x":1}}]}
        """#

    @Test func `a schedule is read with its phases`() throws {
        let schedule = try #require(StripeSchedule(JSONValue(parsing: Self.answer)))
        #expect(schedule.status == "active" && schedule.endBehavior == "release")
        #expect(schedule.customer?.id == "cus_1" && schedule.subscription?.id == "sub_1")
        #expect(schedule.releasedSubscription == nil && schedule.canceledAt == nil)
        #expect(schedule.currentPhase?.startDate == 200 && schedule.currentPhase?.endDate == 300)
        #expect(schedule.phases.map(\.startDate) == [100, 200])
        #expect(schedule.phasesFromNow.map(\.startDate) == [200])
        #expect(schedule.phases[1].items.map(\.price) == ["price_1"])
        #expect(schedule.phases[1].items.map(\.quantity) == [2])
        #expect(schedule.phases[1].metadata == ["k": "v"])
        #expect(schedule.metadata == ["a": "b"])
    }

    @Test func `a schedule that did not start, or was released, has no current phase`() throws {
        let waiting: JSONValue = [
            "id": "sub_sched_1", "status": "not_started", "current_phase": nil, "subscription": nil,
            "phases": [["start_date": 100, "end_date": 200, "items": [["plan": ["id": "plan_1"]]]]],
        ]
        let schedule = try #require(StripeSchedule(waiting))
        #expect(schedule.currentPhase == nil && schedule.subscription == nil)
        #expect(schedule.phasesFromNow.count == 1)
        #expect(schedule.phases[0].items[0].price == "plan_1")
        let released = StripeSchedule(["id": "sub_sched_1", "status": "released", "released_subscription": "sub_1"])
        #expect(released?.releasedSubscription?.id == "sub_1")
        #expect(released?.phases == [])
        #expect(StripeSchedule(["id": "sub_sched_1"]) == nil)
    }

    @Test func `a change for the end of the period repeats what stays`() async throws {
        let harness = try Harness { _ in [.reply(body: Self.answer)] }
        let schedule = try await harness.client.createSchedule(fromSubscription: "sub_1").object
        let current = try #require(schedule.phasesFromNow.last)
        var next = current.followed(by: [SchedulePhase.Item(price: "price_2", quantity: 3)])
        next.duration = SchedulePhase.Duration(interval: "month")
        next.prorationBehavior = "none"
        var update = ScheduleUpdate()
        update.phases = [current, next]
        update.endBehavior = "release"
        #expect(try await harness.client.updateSchedule(schedule.id, update).object == schedule)

        let request = try #require(harness.server.received.last)
        let kept = { (phase: Int) in
            """
            phases[\(phase)][application_fee_percent]=1.5
            phases[\(phase)][collection_method]=charge_automatically
            phases[\(phase)][default_payment_method]=pm_1
            phases[\(phase)][default_tax_rates][0]=txr_1
            phases[\(phase)][description]=Seats
            phases[\(phase)][discounts][0][coupon]=co_1
            phases[\(phase)][invoice_settings][days_until_due]=3
            phases[\(phase)][invoice_settings][issuer][type]=self
            phases[\(phase)][automatic_tax][enabled]=true
            phases[\(phase)][automatic_tax][liability][type]=self
            """
        }
        let expected = """
            \(kept(0))
            phases[0][items][0][discounts][0][discount]=di_2
            phases[0][items][0][tax_rates][0]=txr_2
            phases[0][items][0][price]=price_1
            phases[0][items][0][quantity]=2
            phases[0][items][0][metadata][seat]=x
            phases[0][start_date]=200
            phases[0][end_date]=300
            phases[0][trial_end]=250
            phases[0][proration_behavior]=create_prorations
            phases[0][metadata][k]=v
            \(kept(1))
            phases[1][items][0][price]=price_2
            phases[1][items][0][quantity]=3
            phases[1][start_date]=300
            phases[1][duration][interval]=month
            phases[1][duration][interval_count]=1
            phases[1][proration_behavior]=none
            phases[1][metadata][k]=v
            end_behavior=release
            """
        #expect(request.requestLine == "POST /v1/subscription_schedules/sub_sched_1 HTTP/1.1")
        let sent = String(decoding: request.body, as: UTF8.self)
        #expect(sent.split(separator: "&") == expected.split(separator: "\n"))
    }
}
