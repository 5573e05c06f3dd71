import HTTP
import JSON
import Testing

@testable import Sandbox

/// The state in its owner's hands: begun anew, kept, gone back to.
@Suite struct States {
    private func customers(_ guest: Guest) -> Int { guest.get("/v1/customers")["data"]?.arrayValue?.count ?? -1 }

    @Test func `a reset leaves what a new sandbox has, by the clock on the wall`() {
        let guest = Guest()
        let fresh = Guest()
        let customer = guest.customer()
        _ = guest.subscription(of: customer, to: guest.price("basic"))
        _ = guest.post("/sandbox/faults", "method=GET&path=/v1/prices&status=500&times=9")
        guest.advance(40 * 86_400)
        let reset = guest.post("/sandbox/reset")
        #expect(reset["object"] == "sandbox.reset")
        #expect(reset["now"] == .integer(guest.now))
        #expect(guest.get("/sandbox/clock")["offset"] == 0)
        #expect(customers(guest) == 0)
        #expect(guest.eventCount == fresh.eventCount)
        #expect(guest.get("/sandbox/faults")["data"] == [])
        #expect(guest.customer() == fresh.customer(), "the same calls give the same ids again")
    }

    @Test func `a snapshot is gone back to as often as one likes, and time with it`() {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic")).id
        let taken = guest.post("/sandbox/snapshots", "name=paid once")
        #expect(taken["object"] == "sandbox.snapshot")
        #expect(taken["name"] == "paid once")
        let events = guest.eventCount
        var later: [String] = []
        for _ in 0..<2 {
            guest.advance(31 * 86_400)
            #expect(guest.eventCount > events)
            later.append(guest.customer())
            _ = guest.call("DELETE", "/v1/subscriptions/\(subscription)")
            guest.now += 60
            let restored = guest.post("/sandbox/snapshots/\(taken.id)/restore")
            #expect(restored["now"] == taken["now"])
            #expect(guest.get("/sandbox/clock")["now"] == taken["now"])
            #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")
            #expect(guest.eventCount == events)
            #expect(customers(guest) == 1)
        }
        #expect(later[0] == later[1], "what follows is drawn again")
        guest.advance(31 * 86_400)
        #expect(guest.events(since: events).contains("invoice.paid"), "time goes on from there")
    }

    @Test func `after a return nothing is shown as it was before it`() {
        let guest = Guest()
        let customer = guest.customer()
        let snapshot = guest.post("/sandbox/snapshots").id
        for name in ["A", "B"] {
            #expect(guest.post("/v1/customers/\(customer)", "name=\(name)")["name"] == .string(name))
            #expect(guest.get("/v1/customers/\(customer)")["name"] == .string(name))
            _ = guest.post("/sandbox/snapshots/\(snapshot)/restore")
        }
    }

    @Test func `keys of idempotency go back with the rest`() {
        let guest = Guest()
        let snapshot = guest.post("/sandbox/snapshots").id
        let first = guest.call("POST", "/v1/customers", "name=A", headers: ["Idempotency-Key": "k"])
        _ = guest.post("/sandbox/snapshots/\(snapshot)/restore")
        let again = guest.call("POST", "/v1/customers", "name=A", headers: ["Idempotency-Key": "k"])
        #expect(first.headers["Idempotent-Replayed"] == nil && again.headers["Idempotent-Replayed"] == nil)
        #expect(guest.get("/v1/customers/\(again.id)").status == 200)
    }

    @Test func `snapshots are listed, deleted and bounded`() {
        let guest = Guest()
        let ids = (0..<16).map { guest.post("/sandbox/snapshots", "name=\($0)").id }
        #expect(Set(ids).count == 16)
        #expect(guest.call("POST", "/sandbox/snapshots").status == 400)
        #expect(guest.get("/sandbox/snapshots")["data"]?.arrayValue?.compactMap { $0["id"]?.stringValue } == ids)
        #expect(guest.call("DELETE", "/sandbox/snapshots/\(ids[3])")["deleted"] == true)
        #expect(guest.call("POST", "/sandbox/snapshots/\(ids[3])/restore").status == 404)
        #expect(guest.call("DELETE", "/sandbox/snapshots/\(ids[3])").status == 404)
        _ = guest.post("/sandbox/reset")
        #expect(guest.post("/sandbox/snapshots").id == "snap_17", "a reset keeps them, and ids are never given twice")
        #expect(guest.call("POST", "/sandbox/snapshots/\(ids[0])/restore", key: "pk_test_1").status == 401)
    }

    @Test func `what was not delivered at the snapshot is delivered again`() {
        let guest = Guest()
        guest.engine.hasConfiguredEndpoint = true
        _ = guest.post("/v1/customers", "name=A")
        let waiting = guest.engine.undelivered
        #expect(waiting.count == 1)
        let snapshot = guest.post("/sandbox/snapshots").id
        _ = guest.engine.acknowledge(waiting[0], at: guest.now)
        _ = guest.post("/v1/customers", "name=B")
        let returns = guest.engine.returns
        _ = guest.post("/sandbox/snapshots/\(snapshot)/restore")
        #expect(guest.engine.undelivered == waiting)
        #expect(guest.engine.returns == returns + 1, "the server learns of it")
    }

    // MARK: The clock

    @Test func `the clock is advanced by words`() {
        let guest = Guest(at: 1_801_353_600)  // 2027-01-31T00:00:00Z
        func now(_ by: String) -> JSONValue? { guest.post("/sandbox/clock/advance", "by=\(by)")["now"] }
        #expect(now("month") == 1_803_772_800, "the last day of February")
        #expect(now("day") == 1_803_859_200)
        #expect(now("hour") == 1_803_862_800)
        #expect(guest.call("POST", "/sandbox/clock/advance", "by=next")["error.message"] == "Nothing is to come.")
        let end = guest.subscription(of: guest.customer(), to: guest.price("basic"))["items.data.0.current_period_end"]
        let mark = guest.eventCount
        #expect(now("next") == end)
        #expect(guest.events(since: mark).contains("invoice.created"))
        #expect(guest.call("POST", "/sandbox/clock/advance").status == 400)
        #expect(guest.call("POST", "/sandbox/clock/advance", "by=year").status == 400)
    }

    @Test func `an advance that nothing falls due in is journaled`() {
        let guest = Guest()
        guest.advance(3600)
        #expect(guest.entries.count == 1)
        var contents = SandboxJournal.Contents(header: .init(seed: 7, openedAt: 1_793_491_200))
        contents.lines = guest.entries.map(JournalLine.request)
        #expect(SandboxEngine(replaying: contents, keys: SandboxKeys()).clockOffset == 3600)
    }
}
