import Billing
import Testing

@testable import Service

@Suite struct QuoteSealTests {
    private let terms = QuoteTerms(
        subscriptionID: "sub_1", items: [.init(itemID: "si_1", priceID: "price_2", quantity: 1)],
        prorationBehavior: "always_invoice", prorationDate: 100, amountDueNow: 999, credit: 0, currency: "usd",
        nextRenewalAmount: 1500, issuedAt: 100, validUntil: 1000)

    @Test func `a quote is read back by who sealed it, and by nobody else`() {
        let seal = QuoteSeal(key: QuoteSeal.makeKey())
        let token = seal.seal(terms)
        #expect(token.hasPrefix("dq1."))
        #expect(seal.open(token) == terms)
        #expect(QuoteSeal(key: QuoteSeal.makeKey()).open(token) == nil)
    }

    @Test func `no character of a quote can be changed`() {
        let seal = QuoteSeal(key: QuoteSeal.makeKey())
        let token = Array(seal.seal(terms))
        for index in token.indices {
            var changed = token
            changed[index] = changed[index] == "A" ? "B" : "A"
            #expect(seal.open(String(changed)) == nil, "position \(index)")
        }
    }
}
