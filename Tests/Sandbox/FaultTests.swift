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
        ] {
            let refused = guest.call("POST", "/sandbox/faults", form)
            #expect(refused.status == 400 && refused.error["param"] == .string(param), "\(form): \(refused.body.text)")
        }
        #expect(guest.call("POST", "/sandbox/faults", "method=GET&path=/v1/x", key: "pk_test_1").status == 401)
    }
}

extension JSONValue {
    fileprivate var id: String { self["id"]?.stringValue ?? "" }
}
