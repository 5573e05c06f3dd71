import JSON
import Testing

@testable import Sandbox

/// The order and the times of deliveries, without a socket.
@Suite struct Delivery {
    private func delivery(_ number: Int, to endpoint: String = "a") -> EventDelivery {
        EventDelivery(event: "evt_\(number)", endpoint: endpoint)
    }

    @Test func `events start in order, as many as may be in flight`() {
        var machine = WebhookDelivery()
        for number in 0..<10 { machine.add(delivery(number)) }
        #expect(machine.due(0) == (0..<8).map { delivery($0) })
        #expect(machine.due(0) == [])
        #expect(machine.finished(delivery(3), .accepted, 5) == .acknowledge)
        #expect(machine.due(5) == [delivery(8)])
        #expect(machine.finished(delivery(3), .accepted, 6) == .ignore, "it is not in flight any more")
    }

    @Test func `a failing event waits longer and longer while the others go on`() {
        var machine = WebhookDelivery()
        machine.add(delivery(0))
        machine.add(delivery(1))
        #expect(machine.due(0) == [delivery(0), delivery(1)])
        #expect(machine.finished(delivery(1), .accepted, 1) == .acknowledge)
        var now: Int64 = 0
        var waits: [Int64] = []
        for _ in 0..<10 {
            guard case .retry(let time) = machine.finished(delivery(0), .failed, now) else { return }
            waits.append(time - now)
            #expect(machine.nextMilliseconds == time)
            #expect(machine.due(time - 1) == [])
            machine.add(delivery(100 + waits.count))
            #expect(machine.due(time) == [delivery(0), delivery(100 + waits.count)])
            #expect(machine.finished(delivery(100 + waits.count), .accepted, time) == .acknowledge)
            now = time
        }
        #expect(waits == [250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
        #expect(machine.finished(delivery(0), .failed, 3 * 86_400_000) == .abandon)
        #expect(machine.due(.max) == [])
        #expect(machine.nextMilliseconds == nil)
    }

    @Test func `a dead endpoint does not hold up another`() {
        var machine = WebhookDelivery()
        for number in 0..<50 { machine.add(delivery(number, to: "dead")) }
        #expect(machine.due(0).count == 8)
        machine.add(delivery(99, to: "alive"))
        #expect(machine.due(0) == [delivery(99, to: "alive")])
    }

    @Test func `what is held back is overtaken, and what is doubled arrives twice`() {
        var machine = WebhookDelivery()
        machine.add(delivery(0), DeliveryFate(holdMilliseconds: 500), at: 1000)
        machine.add(delivery(1), DeliveryFate(copies: 2), at: 1000)
        #expect(machine.due(1000) == [delivery(1)])
        #expect(machine.finished(delivery(1), .accepted, 1010) == .retry(atMilliseconds: 1010))
        #expect(machine.due(1010) == [delivery(1)])
        #expect(machine.finished(delivery(1), .accepted, 1020) == .acknowledge)
        #expect(machine.nextMilliseconds == 1500 && machine.due(1499) == [])
        #expect(machine.due(1500) == [delivery(0)])
        #expect(machine.finished(delivery(0), .failed, 1510) == .retry(atMilliseconds: 1760))
    }

    @Test func `each endpoint gets its own events, secret and version`() throws {
        let guest = Guest()
        func make(_ more: String) -> Guest.Answer {
            guest.post("/v1/webhook_endpoints", "url=https://a.example/hook&\(more)")
        }
        let all = make("enabled_events[]=*")
        let old = make("enabled_events[]=customer.subscription.created&api_version=2026-08-26.dahlia")
        let none = make("enabled_events[]=charge.failed")
        #expect(Set([all, old, none].map { $0["secret"]?.stringValue }).count == 3)
        _ = guest.engine.takeDeliveries()
        _ = guest.subscription(of: guest.customer(), to: guest.price("basic"))
        let deliveries = guest.engine.takeDeliveries()
        let mine = deliveries.filter { $0.endpoint == old.id }
        #expect(mine.count == 1 && !deliveries.contains { $0.endpoint == none.id })
        let twin = try #require(deliveries.first { $0.event == mine[0].event && $0.endpoint == all.id })
        let (older, newer) = try (
            JSONValue(parsing: try #require(guest.engine.eventBody(mine[0]))),
            JSONValue(parsing: try #require(guest.engine.eventBody(twin)))
        )
        #expect(older.at("api_version") == "2026-08-26.dahlia" && older.at("data.object.status_details") == nil)
        #expect(newer.at("api_version") == "2026-10-28.endive" && newer.at("data.object.status_details") == .null)
        #expect(older.at("pending_webhooks") == 2)
        _ = guest.post("/v1/webhook_endpoints/\(all.id)", "disabled=true")
        _ = guest.post("/v1/customers")
        #expect(guest.engine.takeDeliveries().isEmpty)
        for (form, param) in [
            ("enabled_events[]=nonsense", "enabled_events[0]"), ("enabled_events[]=*&api_version=latest", "api_version"),
            ("enabled_events[]=*&url=ftp://a", "url"),
        ] {
            let refused = guest.call("POST", "/v1/webhook_endpoints", (form.contains("url=") ? "" : "url=http://a&") + form)
            #expect(refused.error["param"] == .string(param))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `retries come back in order of time`(_ seed: UInt64) {
        var random = SandboxRandom(seed: seed)
        var heap = RetryHeap()
        var times: [Int64] = []
        for number in 0..<200 {
            let time = Int64(random.next() % 1000)
            times.append(time)
            heap.insert(
                .init(atMilliseconds: time, attempt: .init(delivery: delivery(number), count: 1, firstAtMilliseconds: 0)))
        }
        let popped = times.map { _ in heap.removeFirst().atMilliseconds }
        #expect(popped == times.sorted())
        #expect(heap.first == nil)
    }

    @Test func `endpoints get the events that they want, signed with a secret that is shown once`() throws {
        let guest = Guest()
        let made = guest.post(
            "/v1/webhook_endpoints", "url=http://127.0.0.1:1/hook&enabled_events[]=customer.created")
        let secret = try #require(made["secret"]?.stringValue)
        #expect(secret.hasPrefix("whsec_"))
        #expect(guest.get("/v1/webhook_endpoints/\(made.id)")["secret"] == nil)
        _ = guest.post("/v1/products", "name=Nobody's")
        let customer = guest.post("/v1/customers", "name=A").id
        let deliveries = guest.engine.takeDeliveries()
        #expect(deliveries.map(\.endpoint) == [made.id])
        #expect(guest.engine.target(of: deliveries[0])?.secret == secret)
        let body = try JSONValue(parsing: try #require(guest.engine.eventBody(deliveries[0])))
        #expect(body.at("data.object.id") == .string(customer))
        #expect(body.at("pending_webhooks") == 1)
        _ = guest.engine.acknowledge(deliveries[0], at: guest.now)
        #expect(guest.get("/v1/events/\(deliveries[0].event)")["pending_webhooks"] == 0)
        #expect(guest.engine.undelivered.isEmpty)
        _ = guest.post("/v1/customers", "name=B")
        let orphan = guest.engine.takeDeliveries()
        _ = guest.call("DELETE", "/v1/webhook_endpoints/\(made.id)")
        #expect(guest.engine.target(of: orphan[0]) == nil)
    }
}
