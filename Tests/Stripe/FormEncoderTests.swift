/// Parameters as bytes: Stripe's nested names, and nothing that could be read otherwise.
internal import HTTP
internal import Stripe
internal import Testing

@Suite struct FormEncoderTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let form: FormParameters
        let testDescription: String

        init(_ form: FormParameters, _ text: String) {
            self.form = form
            testDescription = text
        }
    }

    @Test(arguments: [
        Case([:], ""),
        Case(["customer": "cus_1"], "customer=cus_1"),
        Case(["limit": 100, "active": true, "prorate": false], "limit=100&active=true&prorate=false"),
        Case(["amount": -9_223_372_036_854_775_808], "amount=-9223372036854775808"),
        Case(
            ["items": [["price": "price_1", "quantity": 2], ["id": "si_1", "deleted": true]]],
            "items[0][price]=price_1&items[0][quantity]=2&items[1][id]=si_1&items[1][deleted]=true"),
        Case(["expand": ["latest_invoice.confirmation_secret"]], "expand[0]=latest_invoice.confirmation_secret"),
        Case(["a": ["b": ["c": ["d": [["e": "f"]]]]]], "a[b][c][d][0][e]=f"),
        Case(["metadata": ["order id": "6735"]], "metadata[order%20id]=6735"),
        Case(["metadata": ["a&b=c": "d&e=f"]], "metadata[a%26b%3Dc]=d%26e%3Df"),
        Case(["name": "Zoë – 東京 €+%\n"], "name=Zo%C3%AB%20%E2%80%93%20%E6%9D%B1%E4%BA%AC%20%E2%82%AC%2B%25%0A"),
        Case(["value": "[0]"], "value=%5B0%5D"),
        Case(["cancel_at": ""], "cancel_at="),
        Case(["items": [], "created": [:]], ""),
        Case(["safe": "-._~09azAZ"], "safe=-._~09azAZ"),
        Case(["nul": "\u{0}"], "nul=%00"),
    ])
    func `parameters are written as Stripe's SDKs write them`(_ example: Case) throws {
        #expect(try FormEncoder.encode(example.form) == example.testDescription)
    }

    @Test(arguments: ["a[b", "a]b", "[]", ""])
    func `a name that would arrive as another is refused`(name: String) {
        var metadata = FormParameters()
        metadata.set(name, "x" as FormValue)
        #expect(throws: FormEncoder.UnwritableName.self) { try FormEncoder.encode(metadata) }
        var nested = FormParameters()
        nested.set("metadata", metadata)
        #expect(throws: FormEncoder.UnwritableName.self) { try FormEncoder.encode(nested) }
    }

    @Test func `what is nil is not sent, what is set twice is sent once, and a map of texts has one order`() throws {
        var form = FormParameters()
        form.set("a", nil as String?)
        form.set("b", 1 as Int64?)
        form.set("b", 2 as Int64?)
        form.set("c", nil as Bool?)
        form.set("metadata", ["z": "1", "a": "2", "m": ""])
        form.clear("d")
        #expect(try FormEncoder.encode(form) == "b=2&metadata[a]=2&metadata[m]=&metadata[z]=1&d=")
    }

    @Test(
        arguments: [
            (["customers", "cus_1"], "/v1/customers/cus_1"),
            (["customers", "../../etc"], "/v1/customers/..%2F..%2Fetc"),
            (["customers", "a?b#c"], "/v1/customers/a%3Fb%23c"),
            (["customers", "a/b%2Fc d"], "/v1/customers/a%2Fb%252Fc%20d"),
            (["customers", "é\r\n"], "/v1/customers/%C3%A9%0D%0A"),
            (["customers", "..."], "/v1/customers/..."),
            (["customers", ""], nil),
            (["customers", "."], nil),
            (["customers", "..", "events"], nil),
            ([], nil),
        ] as [([String], String?)])
    func `an id stays in its segment of the path`(segments: [String], path: String?) {
        #expect(StripePath(segments).encoded == path)
    }

    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Tue, 29 Feb 2028 23:59:59 GMT", 1_835_481_599),
            ("Wed, 01 Mar 2028 00:00:00 GMT", 1_835_481_600),
            ("Fri, 31 Dec 1999 23:59:60 GMT", 946_684_800),
            ("Mon, 01 Jan 2100 00:00:00 GMT", 4_102_444_800),
            ("Sunday, 06-Nov-94 08:49:37 GMT", nil),
            ("Sun, 6 Nov 1994 08:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 24:49:37 GMT", nil),
            ("Sun, 06 Nov 1994 08:49:37 CET", nil),
            ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
            ("Sun, +6 Nov 1994 08:49:37 GMT", nil),
            ("", nil),
        ] as [(String, Int64?)])
    func `a Date field is read to the second, or not at all`(text: String, seconds: Int64?) {
        #expect(HTTPDate.unixSeconds(text) == seconds)
    }
}
