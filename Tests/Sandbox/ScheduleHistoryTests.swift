import JSON
import Testing

@testable import Sandbox

/// Random schedules, lived through: what was previewed is what is invoiced, and phases follow each other without a gap.
@Suite struct ScheduleHistories {
    private static let hour: Int64 = 3600

    @Test(arguments: 1...12)
    func `every preview is the invoice that follows`(_ seed: Int) throws {
        let guest = Guest(seed: UInt64(seed))
        var random = SandboxRandom(seed: UInt64(seed))
        let draw = { (count: UInt64) in Int64(random.next() % count) }
        let prices = ["basic", "premium"].map { guest.price($0) }
        let behaviors = ["create_prorations", "always_invoice", "none"]
        let coupons = ["percent_off=25&duration=forever", "amount_off=100&currency=usd&duration=once"].map {
            guest.post("/v1/coupons", $0).id
        }
        let rate = guest.post("/v1/tax_rates", "display_name=VAT&percentage=19&inclusive=false").id
        let mode = draw(2) == 0 ? "flexible" : "classic"
        let subscription = guest.subscription(
            of: guest.customer(), to: prices[0], "billing_mode[type]=\(mode)&items[0][quantity]=\(1 + draw(3))"
        ).id
        let schedule = guest.post("/v1/subscription_schedules", "from_subscription=\(subscription)")
        var form = "end_behavior=\(draw(3) == 0 ? "cancel" : "release")"
        var start = guest.now
        for phase in 0..<(1 + draw(4)) {
            let days = [7, 10, 30, 31, 45][Int(draw(5))]
            let end = start + Int64(days) * 24 * Self.hour
            form += "&phases[\(phase)][start_date]=\(start)&phases[\(phase)][end_date]=\(end)"
            form += "&phases[\(phase)][items][0][price]=\(prices[Int(draw(2))])"
            form += "&phases[\(phase)][items][0][quantity]=\(1 + draw(4))"
            if draw(4) == 0 { form += "&phases[\(phase)][items][1][price]=\(yearly(guest))" }
            if draw(5) == 0 { form += "&phases[\(phase)][billing_cycle_anchor]=phase_start" }
            form += "&phases[\(phase)][proration_behavior]=\(behaviors[Int(draw(3))])"
            if draw(3) == 0 { form += "&phases[\(phase)][discounts][0][coupon]=\(coupons[Int(draw(2))])" }
            if draw(4) == 0 { form += "&phases[\(phase)][items][0][discounts][0][coupon]=\(coupons[0])" }
            if draw(4) == 0 { form += "&phases[\(phase)][default_tax_rates][0]=\(rate)" }
            if draw(4) == 0 { form += "&phases[\(phase)][add_invoice_items][0][price]=\(setup(guest))" }
            start = end
        }
        _ = guest.post("/v1/subscription_schedules/\(schedule.id)", form + "&proration_behavior=none")
        for _ in 0..<8 {
            // What a draft takes of a balance or a discount is gone only when it is final.
            guest.advance(2 * Self.hour)
            let preview = guest.call("POST", "/v1/invoices/create_preview", "subscription=\(subscription)")
            let latest = guest.get("/v1/subscriptions/\(subscription)")["latest_invoice"]
            if let time = preview["created"]?.integerValue { wait(guest, until: time - Self.hour) }
            var steps = 0
            while guest.get("/v1/subscriptions/\(subscription)")["latest_invoice"] == latest, steps < 100 {
                guest.advance(24 * Self.hour)
                steps += 1
            }
            let after = guest.get("/v1/subscriptions/\(subscription)", "expand[]=latest_invoice")
            guard preview.status == 200 else {
                #expect(after["latest_invoice.id"] == latest, "seed \(seed): an invoice came that no preview told of")
                break
            }
            #expect(after["latest_invoice.total"] == preview["total"], "seed \(seed): \(form)")
            #expect(
                after["latest_invoice.lines.total_count"] == preview["lines.total_count"], "seed \(seed): \(form)")
        }
        let phases = guest.get("/v1/subscription_schedules/\(schedule.id)")["phases"]?.arrayValue ?? []
        for (phase, next) in zip(phases, phases.dropFirst()) { #expect(phase["end_date"] == next["start_date"]) }
    }

    private func wait(_ guest: Guest, until time: Int64) {
        guard time > guest.get("/sandbox/clock")["now"]?.integerValue ?? 0 else { return }
        _ = guest.post("/sandbox/clock/advance", "to=\(time)")
    }

    /// A price that is asked for once.
    private func setup(_ guest: Guest) -> String {
        let product = guest.get("/v1/prices", "lookup_keys[]=basic")["data.0.product"]?.stringValue ?? ""
        return guest.post("/v1/prices", "product=\(product)&currency=usd&unit_amount=999").id
    }

    /// A second price, of the year, which only flexible billing mixes with the month's.
    private func yearly(_ guest: Guest) -> String {
        let product = guest.get("/v1/prices", "lookup_keys[]=basic")["data.0.product"]?.stringValue ?? ""
        return guest.post(
            "/v1/prices", "product=\(product)&currency=usd&unit_amount=4000&recurring[interval]=year"
        ).id
    }
}
