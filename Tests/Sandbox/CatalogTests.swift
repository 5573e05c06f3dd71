import JSON
import Testing

@testable import Sandbox

/// Products, prices, coupons, promotion codes and tax rates as a client keeps them.
@Suite struct Catalog {
    @Test func `a new sandbox sells Basic and Premium by the month`() {
        let guest = Guest()
        let prices = guest.get("/v1/prices", "lookup_keys[]=basic&lookup_keys[]=premium&active=true&expand[]=data.product")
        let rows = (prices["data"]?.arrayValue ?? []).map {
            "\($0.at("lookup_key")?.stringValue ?? "") \($0.at("unit_amount")?.integerValue ?? 0) "
                + "\($0.at("recurring.interval")?.stringValue ?? "") \($0.at("product.name")?.stringValue ?? "")"
        }
        #expect(rows == ["premium 1500 month Premium", "basic 500 month Basic"])
        #expect(prices["data.0.product.description"]?.stringValue?.isEmpty == false)
        #expect(guest.events() == [], "nothing has happened yet")
    }

    @Test func `a lookup key moves only when it is asked to, and only its old holder has an event`() {
        let guest = Guest()
        let product = guest.get("/v1/prices", "lookup_keys[]=basic")["data.0.product"]?.stringValue ?? ""
        let form = "product=\(product)&currency=usd&unit_amount=700&recurring[interval]=month&lookup_key=basic"
        let refused = guest.call("POST", "/v1/prices", form)
        #expect(refused["error.param"] == "lookup_key")
        let mark = guest.eventCount
        let taken = guest.post("/v1/prices", form + "&transfer_lookup_key=true")
        #expect(guest.price("basic") == taken.id)
        #expect(guest.events(since: mark) == ["price.updated", "price.created"])
    }

    @Test func `a product with prices stays, one without leaves no trace but its event`() throws {
        let guest = Guest()
        let sold = guest.get("/v1/products")["data.0.id"]?.stringValue ?? ""
        #expect(guest.call("DELETE", "/v1/products/\(sold)").status == 400)
        let product = guest.post("/v1/products", "name=Gone").id
        #expect(
            guest.call("DELETE", "/v1/products/\(product)").body == [
                "id": .string(product), "object": "product", "deleted": true,
            ])
        #expect(guest.get("/v1/products/\(product)").status == 404)
        #expect(try guest.event("product.deleted").at("data.object.active") == false)
    }

    @Test func `coupons, promotion codes and tax rates are kept`() {
        let guest = Guest()
        let coupon = guest.post("/v1/coupons", "percent_off=22.5&duration=once")
        #expect(coupon["percent_off"]?.doubleValue == 22.5)
        let code = guest.post("/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=\(coupon.id)&code=HELLO")
        #expect(guest.get("/v1/promotion_codes", "code=hello&active=true")["data.0.id"] == .string(code.id))
        let twin = guest.call(
            "POST", "/v1/promotion_codes", "promotion[type]=coupon&promotion[coupon]=\(coupon.id)&code=hello")
        #expect(twin.status == 400)
        #expect(guest.get("/v1/promotion_codes/\(code.id)", "expand[]=promotion.coupon")["promotion.coupon.valid"] == true)
        let rate = guest.post("/v1/tax_rates", "display_name=VAT&percentage=20&inclusive=true")
        #expect(guest.get("/v1/tax_rates", "inclusive=true")["data.0.id"] == .string(rate.id))
        #expect(guest.call("DELETE", "/v1/coupons/\(coupon.id)")["deleted"] == true)
        #expect(guest.get("/v1/coupons/\(coupon.id)").status == 404)
    }

    @Test func `what is not emulated is refused aloud`() {
        let guest = Guest()
        let form = "customer=\(guest.customer())&items[0][price]=\(guest.price("basic"))&billing_thresholds[amount_gte]=5"
        let refused = guest.call("POST", "/v1/subscriptions", form)
        #expect(refused.status == 400)
        #expect(refused["error.code"] == "sandbox_not_emulated")
        #expect(refused["error.param"] == "billing_thresholds")
        for (path, param) in [
            ("", "source"), ("/\(guest.customer())", "source"), ("/\(guest.customer())", "default_source"),
        ] {
            let refused = guest.call("POST", "/v1/customers\(path)", "\(param)=tok_visa")
            #expect(refused["error.code"] == "sandbox_not_emulated")
            #expect(refused["error.param"] == .string(param))
        }
    }
}
