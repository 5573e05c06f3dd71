import Billing
import Contract
import JSON
import TestSupport
import Testing

@testable import Service
@testable import Store

/// CheckAccess over a real store, asked the same question again and again.
@Suite struct CheckAccessTests {
    private let folder: Folder
    private let path: String
    private let store: SQLStore
    private let clock = Clock()

    private final class Clock: @unchecked Sendable {  // moved between calls only
        var now: Int64 = 1000
    }

    init() throws {
        folder = try Folder()
        path = folder.path("dues.db")
        store = try SQLStore(path: path)
    }

    private func service(
        _ store: SQLStore, answers: SharedAnswers = SharedAnswers(bytes: 8 << 20), warms: Bool = false
    ) throws -> LocalService {
        let limits = HelloLimits(lineBytes: 1, inFlightCalls: 1, batchLength: 1, outputBytes: 1, idleSeconds: 0)
        let access = AccessQuestions(graceSeconds: 100, clock: { [clock] in clock.now })
        return LocalService(
            reader: try store.reader(), access: access, answers: answers,
            warmer: warms ? AnswerWarmer(answers, store: store, access: access, worthwhileMisses: 1000) : nil,
            health: Health(),
            identity: ServerIdentity(version: "0", mode: .sandbox, limits: limits))
    }

    /// Asks as the engine does: by heart first, then in earnest.
    private func ask(_ service: LocalService, _ params: String) throws -> (reason: String?, byHeart: Bool) {
        let params = Array(params.utf8)
        var writer = JSONWriter()
        let byHeart = service.recall(params.span, into: &writer)
        if !byHeart {
            try Method.checkAccess.answer(
                params.span, by: service, admitting: { LocalContext($0, scopes: Scope.all, params: params) }, into: &writer)
        }
        return (try JSONValue(parsing: writer.bytes)["reason"]?.stringValue, byHeart)
    }

    private func write(_ status: String, customer: String = "cus_1", cancelAt: Int64? = nil) async throws {
        let object = MirrorObject(
            id: "sub_\(customer)", raw: "{\"status\":\"\(status)\",\"cancel\":\(cancelAt ?? 0)}",
            record: .subscription(
                SubscriptionRecord(
                    customer: customer, status: status, created: 100, cancelAt: cancelAt,
                    items: [.init(id: "si", price: "p", product: "prod_1", quantity: 1, periodStart: 990, periodEnd: 2000)])
            ))
        let version = try await store.version(of: .subscriptions, id: object.id)
        _ = try await store.project(
            object, from: ReplyBasis(version: version, from: 950, until: 950, settles: nil, now: 1))
    }

    private static let question = #"{"customerId":"cus_1","productId":"prod_1"}"#

    @Test func `the second answer is the first one, until something is committed about the customer`() async throws {
        let service = try service(store)
        #expect(try ask(service, Self.question) == ("NO_SUBSCRIPTION", false))
        #expect(try ask(service, Self.question) == ("NO_SUBSCRIPTION", true))
        try await write("active")
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
        #expect(try ask(service, Self.question) == ("ACTIVE", true))
        try await write("active", customer: "cus_2")
        #expect(try ask(service, Self.question) == ("ACTIVE", true), "another customer's change is none of this one's")
        try await write("canceled")
        #expect(try ask(service, Self.question) == ("CANCELED", false))
    }

    @Test func `a feature is the product's until Stripe says what the customer is entitled to`() async throws {
        let service = try service(store)
        let question = #"{"customerId":"cus_1","feature":"exports"}"#
        let product = MirrorObject(
            id: "prod_1", raw: "{}", record: .product(name: nil, isActive: true, features: ["exports"]))
        _ = try await store.project(product, from: ReplyBasis(version: 0, from: 900, until: 900, now: 1))
        try await write("active")
        #expect(try ask(service, question).reason == "ACTIVE")
        let say = { (features: [String], isDeleted: Bool) async throws in
            let object = MirrorObject(
                id: "cus_1", raw: "\(features)", isDeleted: isDeleted, record: .entitlements(features))
            let version = try await store.version(of: .entitlements, id: "cus_1")
            _ = try await store.project(object, from: ReplyBasis(version: version, from: 950, until: 950, now: 1))
        }
        try await say(["imports"], false)
        #expect(try ask(service, question).reason == "NO_SUBSCRIPTION", "Stripe's word counts, not the price list")
        try await say(["imports", "exports"], false)
        #expect(try ask(service, question).reason == "ACTIVE")
        #expect(try ask(service, question.replacing("cus_1", with: "cus_2")).reason == "NO_SUBSCRIPTION")
        try await write("canceled")
        #expect(
            try ask(service, question).reason == "CANCELED", "what is not paid for is not let in, though Stripe is late")
        try await say([], false)
        #expect(try ask(service, question).reason == "NO_SUBSCRIPTION")
    }

    @Test func `what another process commits is seen at once`() async throws {
        let service = try service(try SQLStore(path: path))
        #expect(try ask(service, Self.question) == ("NO_SUBSCRIPTION", false))
        #expect(try ask(service, Self.question) == ("NO_SUBSCRIPTION", true))
        try await write("active")
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
    }

    @Test func `an answer ends with its time`() async throws {
        let service = try service(store)
        try await write("past_due")
        #expect(try ask(service, Self.question) == ("GRACE", false))
        clock.now = 1049
        #expect(try ask(service, Self.question) == ("GRACE", true))
        clock.now = 1050
        #expect(try ask(service, Self.question) == ("PAST_DUE", false))
        try await write("active", cancelAt: 1200)
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
        clock.now = 1199
        #expect(try ask(service, Self.question) == ("ACTIVE", true))
        clock.now = 1200
        #expect(try ask(service, Self.question) == ("CANCELED", false))
    }

    @Test func `more changes than are worth listing make everything forgotten`() async throws {
        let service = try service(store)
        try await write("active")
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<10_001 { group.addTask { try await write("active", customer: "cus_many_\(number)") } }
            try await group.waitForAll()
        }
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
        #expect(try ask(service, Self.question) == ("ACTIVE", true))
    }

    @Test(arguments: [
        #"{"customerId":"cus_1","productId":"prod_1","_meta":{"verbose":true}}"#, #"{"customerId":"cus_1","feature":"f"}"#,
    ])
    func `what says more than a question is asked anew`(params: String) throws {
        let service = try service(store)
        #expect(try ask(service, params).byHeart == false)
        #expect(try ask(service, params).byHeart == false)
    }

    @Test func `without memory for answers every one comes from the database`() throws {
        let service = try service(store, answers: SharedAnswers(bytes: 0))
        #expect(try ask(service, Self.question).byHeart == false)
        #expect(try ask(service, Self.question).byHeart == false)
    }

    private static func question(_ number: Int) -> String { #"{"customerId":"cus_many_\#(number)","productId":"prod_1"}"# }

    @Test func `when enough was asked, every other answer is made beforehand, for all loops`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8000 { group.addTask { try await write("active", customer: "cus_many_\(number)") } }
            try await group.waitForAll()
        }
        let answers = SharedAnswers(bytes: 16 << 20)
        let first = try service(store, answers: answers, warms: true)
        let second = try service(store, answers: answers)
        for number in 0..<1000 { #expect(try ask(first, Self.question(number)) == ("ACTIVE", false)) }
        while answers.published.blocks * AnswerBlock.bytes < 8000 * 350 { try await Task.sleep(for: .milliseconds(5)) }
        for _ in 0..<answers.published.blocks {
            // Each call takes one block over.
            for service in [first, second] { _ = try ask(service, Self.question(0)) }
        }
        for number in 7000..<8000 {
            #expect(try ask(first, Self.question(number)) == ("ACTIVE", true))
            #expect(try ask(second, Self.question(number)) == ("ACTIVE", true))
        }
        try await write("canceled", customer: "cus_many_7999")
        #expect(try ask(second, Self.question(7999)) == ("CANCELED", false))
        #expect(try ask(first, Self.question(7999)) == ("CANCELED", false))
        #expect(try ask(first, Self.question(7998)) == ("ACTIVE", true))
    }

    @Test func `answers made beforehand keep to their share of the memory`() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20_000 { group.addTask { try await write("active", customer: "cus_many_\(number)") } }
            try await group.waitForAll()
        }
        let answers = SharedAnswers(bytes: 8 << 20)
        let access = AccessQuestions(graceSeconds: 100, clock: { 1000 })
        let warmer = AnswerWarmer(answers, store: store, access: access)
        warmer.start()
        while answers.published.blocks < answers.warmedBlocks { try await Task.sleep(for: .milliseconds(5)) }
        warmer.stop()
        #expect(answers.warmedBlocks == 6)
        #expect(answers.published.blocks == 6)
    }

    @Test func `when the clock goes back, so do the answers`() async throws {
        let service = try service(store)
        try await write("active", cancelAt: 1200)
        clock.now = 1300
        #expect(try ask(service, Self.question) == ("CANCELED", false))
        #expect(try ask(service, Self.question) == ("CANCELED", true))
        clock.now = 1100
        #expect(try ask(service, Self.question) == ("ACTIVE", false))
    }

    @Test func `nothing is made beforehand that could not be asked`() {
        let item = SubscriptionRecord.Item(
            id: "si", price: "p", product: "gold plan", quantity: 1, periodStart: 1, periodEnd: 2)
        let record = SubscriptionRecord(customer: "cus_1", status: "active", created: 1, items: [item])
        let known = SubscriptionRecord.Known(id: "sub_1", record: record, pastDueSince: nil, knownUntil: 1, event: nil)
        #expect(AccessQuestions(clock: { 1 }).answers(about: "cus_1", [known]).isEmpty)
    }
}
