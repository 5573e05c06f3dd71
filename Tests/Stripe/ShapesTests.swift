/// What the client sends and reads, held against the description of Stripe's API that lies beside the project.
internal import HTTP
internal import JSON
@testable internal import Stripe
internal import TestSupport
internal import Testing

@Suite(.enabled(if: ReferenceBook.isThere, "\(ReferenceBook.whereItBelongs)"))
struct ShapesTests {
    // MARK: Requests

    /// Every request of `ResourceRequestTests`, and a schedule's phases on their way back.
    private func sent() async throws -> [SentRequest] {
        let harness = try Harness { _ in [.reply(body: "{}")] }
        for example in ResourceRequestTests.cases { _ = try? await example.call(harness.client) }
        var update = ScheduleUpdate()
        let schedule = StripeSchedule(ReferenceBook.specimen(of: "subscription_schedule", expanded: true))
        update.phases = try #require(schedule).phases
        update.phases?[0].duration = SchedulePhase.Duration(interval: "month")
        _ = try? await harness.client.updateSchedule("sub_sched_1", update)
        return harness.server.received.map(SentRequest.init)
    }

    @Test func `every request is one that Stripe takes`() async throws {
        for request in try await sent() {
            #expect(Endpoint.objections(to: request) == [], "\(request.line)")
        }
    }

    @Test func `no call of the client goes untested, and no parameter of a call`() async throws {
        let sent = try await sent()
        try #require(ClientSources.calls.count > 30)
        for call in ClientSources.calls {
            let requests = sent.filter(call.isOne)
            #expect(!requests.isEmpty, "\(call.name) is not called")
            // Endpoints may share a type, and not all of its parameters.
            let taken = requests.first.flatMap(Endpoint.of)?.names ?? []
            let missing = call.names.intersection(taken).subtracting(requests.flatMap(\.parameters.names))
            #expect(missing == [], "\(call.name) is called without these")
        }
        let unsent = ClientSources.calls.reduce(into: Set()) { $0.formUnion($1.names) }
            .subtracting(sent.flatMap(\.parameters.names))
        #expect(unsent == [], "no request has these")
    }

    @Test(arguments: [
        ("GET /v1/customer/cus_1", "", "there is no such endpoint"),
        ("PUT /v1/customers/cus_1", "", "there is no such endpoint"),
        ("GET /v1/prices?lookup_key=a", "", "lookup_key is unknown"),
        ("GET /v1/prices?limit=many", "", "limit=many is no integer of Stripe's"),
        ("GET /v1/prices?active=1", "", "active=1 is no boolean of Stripe's"),
        ("GET /v1/prices?type=", "", "type cannot be unset"),
        ("GET /v1/prices?lookup_keys=a", "", "lookup_keys=a is no array of Stripe's"),
        ("GET /v1/prices?lookup_keys[a]=a", "", "lookup_keys[a] is no index"),
        ("GET /v1/prices?product[id]=a", "", "product is nested otherwise"),
        ("GET /v1/events?created[from]=1", "", "created[from] is unknown"),
        ("GET /v1/subscription_items", "", "subscription is missing"),
        ("GET /v1/prices?expand[0]=product", "", "product cannot be expanded"),
        ("GET /v1/prices?expand[0]=data.currency", "", "data.currency cannot be expanded"),
        ("GET /v1/prices/price_1?expand[0]=products", "", "products cannot be expanded"),
        (
            "GET /v1/subscriptions/sub_1?expand[0]=latest_invoice.payments.data.payment.payment_intent", "",
            "latest_invoice.payments.data.payment.payment_intent cannot be expanded"
        ),
        ("POST /v1/subscriptions/sub_1", "proration_behavior=some", "proration_behavior=some is no string of Stripe's"),
        ("POST /v1/subscriptions/sub_1", "items[0][prise]=a", "items[0][prise] is unknown"),
        (
            "POST /v1/subscriptions/sub_1/resume", "billing_cycle_anchor=now",
            "billing_cycle_anchor=now is no object of Stripe's"
        ),
        ("POST /v1/subscription_schedules/s", "phases[0][start_date]=then", "phases[0][items] is missing"),
        (
            "POST /v1/subscription_schedules/s", "phases[0][items][0][quantity]=1.5",
            "phases[0][items][0][quantity]=1.5 is no integer of Stripe's"
        ),
    ])
    func `what Stripe would not take is told`(line: String, body: String, objection: String) {
        #expect(Endpoint.objections(to: SentRequest(line, body: body)).contains(objection))
    }

    @Test func `every answer is read as what its endpoint returns`() async throws {
        let sent = try await sent()
        for call in ClientSources.calls {
            let reader = ObjectReader.all.first { $0.name == call.answer }
            let read: JSONValue = [call.isList ? "list" : "object": .string(reader?.object ?? "")]
            #expect(sent.first(where: call.isOne).flatMap(Endpoint.of)?.returns == read, "\(call.name)")
        }
    }

    // MARK: Objects

    @Test func `every type that reads an object is held against it`() {
        #expect(Set(ObjectReader.all.map(\.name)) == ClientSources.objects)
    }

    /// A field that is read by a name, in a place or as a type that is not Stripe's stays empty.
    @Test(arguments: ObjectReader.all, [false, true])
    func `every field that is read is one that Stripe has`(reader: ObjectReader, expanded: Bool) throws {
        try #require(ReferenceBook.objects[reader.object] != nil)
        #expect(reader.emptyFields(ReferenceBook.specimen(of: reader.object, expanded: expanded)) == [])
    }

    @Test(arguments: ObjectReader.all)
    func `an object is read as Stripe shows it`(reader: ObjectReader) throws {
        let example = try #require(ReferenceBook.examples[reader.object])
        #expect(reader.emptyFields(example) != nil)
    }

    @Test func `every field of an error is one that Stripe has`() throws {
        let response = HTTPResponse(
            status: 429, headers: ["Stripe-Rate-Limited-Reason": "global-rate", "Idempotent-Replayed": "true"])
        let error = ReferenceBook.specimen(of: "error", expanded: false)
        #expect(Fields.empty(of: try #require(StripeRefusal(response, ["error": error]))) == [])
    }

    @Test func `a field that Stripe has not stays empty`() throws {
        var object = try #require(ReferenceBook.specimen(of: "subscription_item", expanded: false).objectValue)
        object["quantity"] = nil
        object["price"] = "price_1"
        object["plan"] = nil
        #expect(
            Fields.empty(of: try #require(StripeSubscriptionItem(.object(object)))) == ["price", "productID", "quantity"])
    }

    // MARK: Tolerance

    /// What may become of a field in a version to come, or in an old one.
    private static let oddities: [(String, JSONValue?)] = [
        ("absent", nil), ("null", .null), ("of another type", [["odd": 1]]), ("a word", "unheard_of"),
    ]

    @Test(arguments: ObjectReader.all)
    func `no odd field costs the object, save those without which there is none`(reader: ObjectReader) throws {
        let whole = try #require(ReferenceBook.specimen(of: reader.object, expanded: true).objectValue)
        for key in whole.keys {
            for (oddity, value) in Self.oddities {
                var object = whole
                object[key] = value
                let isRead = reader.emptyFields(.object(object)) != nil
                // A word is as good as another where a word is expected.
                #expect(isRead || reader.needs.contains(key), "\(key) is \(oddity)")
                #expect(!isRead || value != nil || !reader.needs.contains(key), "\(key) is \(oddity)")
            }
        }
    }

    @Test(arguments: ObjectReader.all)
    func `fields and words that nobody has heard of pass`(reader: ObjectReader) throws {
        let specimen = ReferenceBook.specimen(of: reader.object, expanded: false)
        let strange = Self.strange(specimen)
        #expect(reader.emptyFields(strange) == reader.emptyFields(specimen))
    }

    /// With another word for every word, and one more field in every object.
    private static func strange(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string: return "unheard_of"
        case .array(let elements): return .array(elements.map(strange))
        case .object(let object):
            let members = object.map { ($0.key, strange($0.value)) }
            return .object(JSONObject(members + [("unheard_of", ["of": [1, nil]])]))
        default: return value
        }
    }
}
