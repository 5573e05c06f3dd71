/// Quotes: what they promise, and bytes that say nothing else.
internal import Billing
internal import Testing

@Suite struct QuoteTermsTests {
    static let terms = QuoteTerms(
        subscriptionID: "sub_é",
        items: [
            .init(itemID: "si_1", priceID: "price_1", quantity: 2), .init(itemID: "si_2", deleted: true),
            .init(priceID: "price_2"),
        ],
        prorationBehavior: "always_invoice", prorationDate: 1_777_000_000, amountDueNow: 1234, credit: 0,
        currency: "usd", nextRenewalAmount: 2000, issuedAt: 1_777_000_000, validUntil: 1_777_000_600)

    struct Change: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let make: @Sendable (inout QuoteTerms) -> Void

        init(_ name: String, _ make: @escaping @Sendable (inout QuoteTerms) -> Void) {
            testDescription = name
            self.make = make
        }
    }

    static let changes = [
        Change("another subscription") { $0.subscriptionID = "sub_2" },
        Change("no subscription") { $0.subscriptionID = "" },
        Change("another item") { $0.items[0].itemID = "si_3" },
        Change("no item id") { $0.items[0].itemID = nil },
        Change("an empty item id") { $0.items[2].itemID = "" },
        Change("another price") { $0.items[0].priceID = "price_9" },
        Change("item id and price swapped") {
            ($0.items[0].itemID, $0.items[0].priceID) = ($0.items[0].priceID, $0.items[0].itemID)
        },
        Change("another quantity") { $0.items[0].quantity = 3 },
        Change("no quantity") { $0.items[0].quantity = nil },
        Change("quantity zero instead of none") { $0.items[1].quantity = 0 },
        Change("not deleted") { $0.items[1].deleted = false },
        Change("one item less") { $0.items.removeLast() },
        Change("one item more") { $0.items.append(.init()) },
        Change("no items") { $0.items = [] },
        Change("another order of items") { $0.items.reverse() },
        Change("another proration behaviour") { $0.prorationBehavior = "none" },
        Change("another proration date") { $0.prorationDate = 1_777_000_001 },
        Change("no proration date") { $0.prorationDate = nil },
        Change("another amount") { $0.amountDueNow = 1233 },
        Change("a negative amount") { $0.amountDueNow = -1234 },
        Change("amount and credit swapped") { ($0.amountDueNow, $0.credit) = ($0.credit, $0.amountDueNow) },
        Change("another currency") { $0.currency = "eur" },
        Change("another renewal") { $0.nextRenewalAmount = 2001 },
        Change("no renewal") { $0.nextRenewalAmount = nil },
        Change("renewal for nothing") { $0.nextRenewalAmount = 0 },
        Change("issued later") { $0.issuedAt += 1 },
        Change("valid for longer") { $0.validUntil += 1 },
        Change("valid for ever") { $0.validUntil = .max },
    ]

    @Test(arguments: changes)
    func `whatever is changed, the bytes change, and come back as what was changed`(change: Change) throws {
        var changed = Self.terms
        change.make(&changed)
        #expect(changed.encoded != Self.terms.encoded)
        #expect(try QuoteTerms.decode(changed.encoded) == changed)
    }

    @Test func `no two of the changes share their bytes`() {
        let all =
            [Self.terms.encoded]
            + Self.changes.map { change in
                var changed = Self.terms
                change.make(&changed)
                return changed.encoded
            }
        #expect(Set(all).count == all.count)
    }

    @Test func `text that moves from one field to its neighbour changes the bytes`() {
        var left = Self.terms
        var right = Self.terms
        (left.items, right.items) = ([], [])
        (left.subscriptionID, left.prorationBehavior) = ("ab", "c")
        (right.subscriptionID, right.prorationBehavior) = ("a", "bc")
        #expect(left.encoded != right.encoded)
    }

    @Test func `bytes with one bit flipped are refused or mean something else`() {
        let bytes = Self.terms.encoded
        for index in bytes.indices {
            for bit in 0..<8 {
                var flipped = bytes
                flipped[index] ^= 1 << UInt8(bit)
                if let decoded = try? QuoteTerms.decode(flipped) {
                    #expect(decoded != Self.terms, "byte \(index) bit \(bit)")
                    #expect(decoded.encoded == flipped, "byte \(index) bit \(bit): two ways to write one quote")
                }
            }
        }
    }

    @Test func `bytes cut short or with something after them are refused`() {
        let bytes = Self.terms.encoded
        for count in bytes.indices {
            #expect(throws: QuoteDecodingError.malformed) { try QuoteTerms.decode(bytes[..<count]) }
        }
        #expect(throws: QuoteDecodingError.malformed) { try QuoteTerms.decode(bytes + [0]) }
        #expect(throws: QuoteDecodingError.malformed) {
            try QuoteTerms.decode([UInt8](repeating: 0, count: QuoteTerms.maximumEncodedBytes + 1))
        }
    }

    @Test func `another version is named`() {
        var bytes = Self.terms.encoded
        bytes[11] = 7
        #expect(throws: QuoteDecodingError.unknownVersion(7)) { try QuoteTerms.decode(bytes) }
    }

    @Test func `the encoding stays as it is`() {
        let small = QuoteTerms(
            subscriptionID: "s", items: [.init(quantity: 258)], prorationBehavior: "none", prorationDate: nil,
            amountDueNow: 1, credit: 2, currency: "usd", nextRenewalAmount: nil, issuedAt: 3, validUntil: -1)
        let zeros = [UInt8](repeating: 0, count: 7)
        let expected: [UInt8] =
            Array("dues quote\0".utf8) + [2, 0, 0, 0, 1] + Array("s".utf8) + zeros + [1]
            + [0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0] + [0, 0, 0, 4] + Array("none".utf8) + [0, 0] + zeros + [1] + zeros + [2]
            + [0, 0, 0, 3] + Array("usd".utf8) + [0] + zeros + [3] + [UInt8](repeating: 255, count: 8)
        #expect(small.encoded == expected)
    }

    @Test(
        arguments: table(
            """
            due  | credit | currency | renewal | outcome
            1234 | 0      | usd      | 2000    | -
            1235 | 0      | usd      | 2000    | amountDueNow
            1234 | 1      | usd      | 2000    | credit
            1234 | 0      | eur      | 2000    | currency
            1234 | 0      | usd      | 1999    | nextRenewalAmount
            1234 | 0      | usd      | -       | nextRenewalAmount
            0    | 5      | eur      | 1       | currency,amountDueNow,credit,nextRenewalAmount
            """))
    func `a preview confirms a quote only in every amount`(row: Row) throws {
        let preview = QuotePreview(
            amountDueNow: try #require(row.number(0)), credit: try #require(row.number(1)), currency: row.cells[2],
            nextRenewalAmount: row.number(3))
        let differences = Self.terms.differences(from: preview).map(\.rawValue).joined(separator: ",")
        #expect(differences == row.text(4) ?? "")
        #expect(Self.terms.matches(preview: preview) == differences.isEmpty)
    }

    @Test func `a quote is void from the second in which its validity ends`() {
        #expect(Self.terms.isValid(at: 1_777_000_599))
        #expect(!Self.terms.isValid(at: 1_777_000_600))
    }
}
