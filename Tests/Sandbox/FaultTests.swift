import HTTP
import JSON
import Testing

@testable import Sandbox

/// Bad days that are ordered beforehand.
@Suite struct Faults {
    private static func order(_ guest: Guest, _ form: String) { _ = guest.post("/sandbox/faults", form) }

    @Test func `an ordered error comes instead of the effect, for as many requests as were ordered`() {
        let guest = Guest()
        Self.order(
            guest,
            "method=POST&path=/v1/customers&times=2&status=429&code=rate_limit&retry_after=3&should_retry=false&message=Slow."
        )
        for left in [1, 0] as [Int64] {
            let refused = guest.call("POST", "/v1/customers")
            #expect(refused.status == 429)
            #expect(refused.error["code"] == "rate_limit" && refused.error["message"] == "Slow.")
            #expect(refused.headers["Retry-After"] == "3" && refused.headers["Stripe-Should-Retry"] == "false")
            #expect(refused.headers["Request-Id"]?.hasPrefix("req_") == true)
            let listed = guest.get("/sandbox/faults")["data.0.times"]
            #expect(listed == (left == 0 ? nil : .integer(left)))
        }
        #expect(guest.get("/v1/customers")["data"] == [], "nothing was made")
        #expect(guest.call("POST", "/v1/customers").status == 200)
    }

    @Test func `only requests of the method and path are meant, and a star is any one segment`() {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        Self.order(guest, "method=GET&path=/v1/customers/*&status=503")
        #expect(guest.get("/v1/customers").status == 200)
        #expect(guest.call("POST", "/v1/customers/\(customer)").status == 200)
        #expect(guest.get("/v1/customers/\(customer)/balance_transactions").status == 200)
        #expect(guest.get("/v1/customers/\(customer)").status == 503)
        #expect(guest.get("/v1/customers/\(customer)").status == 200)
    }

    @Test func `an error after the effect leaves the effect, and the key's answer is the true one`() {
        let guest = Guest()
        Self.order(guest, "method=POST&path=/v1/customers&status=500&after_effect=true")
        let key: HTTPHeaders = ["Idempotency-Key": "once"]
        let entries = guest.entries.count
        #expect(guest.call("POST", "/v1/customers", "name=A", headers: key).status == 500)
        #expect(guest.entries.count == entries + 1, "what changed is journaled")
        let again = guest.call("POST", "/v1/customers", "name=A", headers: key)
        #expect(again.status == 200 && again.headers["Idempotent-Replayed"] == "true")
        #expect(guest.get("/v1/customers")["data"]?.arrayValue?.map(\.id) == [again.id])
    }

    @Test func `answers may be late, garbled, or not come at all`() {
        let guest = Guest()
        let request = HTTPRequest(method: "POST", target: "/v1/customers", headers: ["Authorization": "Bearer sk_test_1"])
        Self.order(guest, "method=POST&path=/v1/customers&delay_ms=1500")
        let late = guest.engine.serve(request, now: guest.now)
        #expect(late.response.status == 200 && late.delayMilliseconds == 1500 && !late.hangsUp && late.entry != nil)
        Self.order(guest, "method=POST&path=/v1/customers&hang_up=true")
        let gone = guest.engine.serve(request, now: guest.now)
        #expect(gone.hangsUp && gone.entry == nil)
        Self.order(guest, "method=POST&path=/v1/customers&body=%3Chtml%3E")
        let garbled = guest.engine.serve(request, now: guest.now)
        #expect(garbled.response.body == Array("<html>".utf8) && garbled.response.status == 200 && garbled.entry == nil)
        #expect(guest.get("/v1/customers")["data"]?.arrayValue?.count == 1)
    }

    @Test func `while an answer takes its time its idempotency key is in use`() {
        let guest = Guest()
        Self.order(guest, "method=POST&path=/v1/customers&delay_ms=1500")
        let headers: HTTPHeaders = ["Authorization": "Bearer sk_test_1", "Idempotency-Key": "slow"]
        let request = HTTPRequest(method: "POST", target: "/v1/customers", headers: headers)
        let late = guest.engine.serve(request, now: guest.now)
        let early = guest.call("POST", "/v1/customers", headers: ["Idempotency-Key": "slow"])
        #expect(early.status == 409)
        #expect(early.error["code"] == "idempotency_key_in_use" && early.error["type"] == "idempotency_error")
        #expect(guest.call("POST", "/v1/customers", headers: ["Idempotency-Key": "other"]).status == 200)
        guest.engine.finish(late)
        let replayed = guest.call("POST", "/v1/customers", headers: ["Idempotency-Key": "slow"])
        #expect(replayed.status == 200 && replayed.headers["Idempotent-Replayed"] == "true")
    }

    @Test func `orders can be taken back, and wrong ones are refused`() {
        let guest = Guest()
        Self.order(guest, "method=POST&path=/v1/customers&status=500&times=9")
        #expect(guest.call("DELETE", "/sandbox/faults")["data"] == [])
        #expect(guest.call("POST", "/v1/customers").status == 200)
        for (form, param) in [
            ("method=POST&path=/sandbox/clock", "path"), ("method=PUT&path=/v1/x", "method"), ("path=/v1/x", "method"),
            ("method=GET&path=/v1/x&times=0", "times"), ("method=GET&path=/v1/x&delay_ms=600001", "delay_ms"),
            ("method=GET&path=/v1/x&status=99", "status"), ("method=GET&path=/v1/x&statsu=500", "statsu"),
            ("rates[errors]=1.5", "rates[errors]"), ("rates[error]=0.5", "rates[error]"),
            ("rates[delays]=1&delay_seconds=0", "delay_seconds"),
        ] {
            let refused = guest.call("POST", "/sandbox/faults", form)
            #expect(refused.status == 400 && refused.error["param"] == .string(param), "\(form): \(refused.body.text)")
        }
        #expect(guest.call("POST", "/sandbox/faults", "method=GET&path=/v1/x", key: "pk_test_1").status == 401)
    }
}

/// Bad days by chance.
@Suite struct FaultDialing {
    private func statuses(_ seed: UInt64, _ form: String) -> [Int] {
        let guest = Guest()
        _ = guest.post("/sandbox/faults", "seed=\(seed)&\(form)")
        return (0..<200).map { _ in guest.call("POST", "/v1/customers").status }
    }

    @Test func `the same seed brings the same trouble, at the rate that was asked for`() {
        let form = "rates[rate_limits]=0.1&rates[errors]=0.1"
        let first = statuses(5, form)
        #expect(first == statuses(5, form))
        #expect(first != statuses(6, form))
        #expect((8...35).contains(first.count { $0 == 429 }) && (8...35).contains(first.count { $0 == 500 }))
        #expect(statuses(5, "rates[errors]=0").allSatisfy { $0 == 200 })
    }

    @Test func `each trouble of requests looks as it does at Stripe`() {
        let guest = Guest()
        _ = guest.post("/sandbox/faults", "rates[rate_limits]=1")
        let limited = guest.get("/v1/customers")
        #expect(limited.status == 429 && limited.error["code"] == "rate_limit")
        #expect(limited.headers["Stripe-Rate-Limited-Reason"] == "global-rate")
        _ = guest.post("/sandbox/faults", "rates[lock_timeouts]=1")
        #expect(guest.get("/v1/customers").status == 200, "readings take no lock")
        let locked = guest.call("POST", "/v1/customers")
        #expect(locked.status == 429 && locked.error["code"] == "lock_timeout")
        #expect(locked.headers["Stripe-Should-Retry"] == "true" && locked.headers["Stripe-Rate-Limited-Reason"] == nil)
        _ = guest.post("/sandbox/faults", "rates[errors_after_effect]=1")
        let lost = guest.call("POST", "/v1/customers", "name=A", headers: ["Idempotency-Key": "k"])
        #expect(lost.status == 500 && lost.error["type"] == "api_error")
        _ = guest.post("/sandbox/faults", "rates[latency]=1&latency_ms=70")
        let request = HTTPRequest(method: "GET", target: "/v1/customers", headers: ["Authorization": "Bearer sk_test_1"])
        #expect(guest.engine.serve(request, now: guest.now).delayMilliseconds == 70)
        #expect(guest.get("/sandbox/faults")["dial.rates.latency"]?.doubleValue == 1)
        #expect(guest.call("DELETE", "/sandbox/faults")["dial"] == nil)
        let again = guest.call("POST", "/v1/customers", "name=A", headers: ["Idempotency-Key": "k"])
        #expect(again.headers["Idempotent-Replayed"] == "true", "the effect was there")
    }

    @Test func `an ordered fault comes before the dial's`() {
        let guest = Guest()
        _ = guest.post("/sandbox/faults", "rates[errors]=1")
        _ = guest.post("/sandbox/faults", "method=GET&path=/v1/customers&status=503")
        #expect([guest.get("/v1/customers").status, guest.get("/v1/customers").status] == [503, 500])
    }

    @Test func `deliveries are dropped, doubled, held back and overtaken at their rates`() {
        let guest = Guest()
        var fates: [DeliveryFate] = []
        for trouble in ["drops", "duplicates", "delays", "reorderings"] {
            _ = guest.post("/sandbox/faults", "seed=3&rates[\(trouble)]=0.5&delay_seconds=90")
            let drawn = (0..<100).map { _ in guest.engine.deliveryFate() }
            let troubled = drawn.filter { $0 != DeliveryFate() }
            #expect((30...70).contains(troubled.count), "\(trouble): \(troubled.count)")
            fates.append(troubled[0])
        }
        #expect(fates[0].isDropped && fates[1].copies == 2 && fates[2].holdMilliseconds == 90_000)
        #expect((200..<2000).contains(fates[3].holdMilliseconds))
    }
}

extension JSONValue {
    fileprivate var id: String { self["id"]?.stringValue ?? "" }
}
