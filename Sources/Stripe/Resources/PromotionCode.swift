/// Promotion codes (https://docs.stripe.com/api/promotion_codes): what a customer types to get a coupon.
package import JSON

package struct StripePromotionCode: StripeObject {
    package let id: String
    package let code: String?
    package let isActive: Bool?
    /// From `promotion`, or from `coupon` before clover (2025-09-30).
    package let coupon: StripeReference?
    /// The only customer who may use it.
    package let customer: StripeReference?
    package let expiresAt: Int64?
    package let maximumRedemptions: Int64?
    package let timesRedeemed: Int64?
    package let raw: JSONValue

    package init?(_ raw: JSONValue) {
        guard let id = raw.text("id") else { return nil }
        self.id = id
        code = raw.text("code")
        isActive = raw.flag("active")
        coupon = raw["promotion"]?.reference("coupon") ?? raw.reference("coupon")
        customer = raw.reference("customer")
        expiresAt = raw.integer("expires_at")
        maximumRedemptions = raw.integer("max_redemptions")
        timesRedeemed = raw.integer("times_redeemed")
        self.raw = raw
    }
}

extension StripeClient {
    /// Codes compare without regard to case, and are unique among the active ones of one customer or of all.
    package func listPromotionCodes(
        code: String, active: Bool? = true, page: StripePage = StripePage(),
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripePromotionCode>> {
        var form: FormParameters = ["code": .text(code)]
        form.set("active", active)
        page.write(to: &form)
        return try await list(["promotion_codes"], form, options)
    }
}
