import HTTP
import JSON
import Testing

@testable import Sandbox

/// A client of an engine in memory: forms in, JSON out, time in its own hands.
final class Guest {
    let engine: SandboxEngine
    /// 2026-11-01T00:00:00Z: a month of 30 days begins.
    var now: Int64 = 1_793_491_200
    private(set) var entries: [JournalRequest] = []
    private var calls = 0

    init(seed: UInt64 = 7, at openedAt: Int64 = 1_793_491_200) {
        engine = SandboxEngine(seed: seed, openedAt: openedAt)
        // Whatever the tests look at has been packed, as most of a large account is.
        engine.account.store.plainRows = 0
        now = openedAt
    }

    struct Answer {
        let status: Int
        let headers: HTTPHeaders
        let body: JSONValue

        subscript(_ path: String) -> JSONValue? { body.at(path) }
        var id: String { body["id"]?.stringValue ?? "" }
        var error: JSONValue { body["error"] ?? .null }
    }

    func call(
        _ method: String, _ path: String, _ form: String = "", key: String = "sk_test_1", headers: HTTPHeaders = [:]
    ) -> Answer {
        var headers = headers
        headers.add("Authorization", "Bearer \(key)")
        let isPost = method == "POST"
        let target = !isPost && !form.isEmpty ? "\(path)?\(form)" : path
        let request = HTTPRequest(method: method, target: target, headers: headers, body: isPost ? Array(form.utf8) : [])
        let outcome = engine.serve(request, now: now)
        if let entry = outcome.entry { entries.append(entry) }
        let body = try? JSONValue(parsing: outcome.response.body)
        return Answer(status: outcome.response.status, headers: outcome.response.headers, body: body ?? .null)
    }

    func get(_ path: String, _ form: String = "") -> Answer { call("GET", path, form) }

    /// A POST that has to succeed.
    func post(_ path: String, _ form: String = "", sourceLocation: SourceLocation = #_sourceLocation) -> Answer {
        let answer = call("POST", path, form)
        #expect(answer.status == 200, "\(path): \(answer.body.text)", sourceLocation: sourceLocation)
        return answer
    }

    /// The types of the events since the mark, oldest first.
    func events(since mark: Int = 0) -> [String] {
        engine.account.store.ids(.event).dropFirst(mark).map { engine.account.known(.event, $0).string("type") ?? "" }
    }

    var eventCount: Int { engine.account.store.ids(.event).count }

    func event(_ type: String, since mark: Int = 0) throws -> JSONValue {
        let ids = engine.account.store.ids(.event).dropFirst(mark)
        let found = ids.last { engine.account.known(.event, $0).string("type") == type }
        return .object(engine.account.known(.event, try #require(found)))
    }

    func advance(_ seconds: Int64) { _ = post("/sandbox/clock/advance", "seconds=\(seconds)") }

    // MARK: The usual first steps

    /// The id of the price with a lookup key.
    func price(_ key: String) -> String { get("/v1/prices", "lookup_keys[]=\(key)")["data.0.id"]?.stringValue ?? "" }

    /// A customer whose default method is the test token's card.
    func customer(paying token: String? = "pm_card_visa") -> String {
        let customer = post("/v1/customers", "email=jenny@example.com&name=Jenny").id
        guard let token else { return customer }
        let method = post("/v1/payment_methods/\(token)/attach", "customer=\(customer)").id
        _ = post("/v1/customers/\(customer)", "invoice_settings[default_payment_method]=\(method)")
        return customer
    }

    /// A subscription that is active because its first invoice was paid at once.
    func subscription(of customer: String, to price: String, _ more: String = "") -> Answer {
        post("/v1/subscriptions", "customer=\(customer)&items[0][price]=\(price)\(more.isEmpty ? "" : "&" + more)")
    }
}

extension JSONValue {
    /// The value at a dotted path; numbers are places in lists.
    func at(_ path: String) -> JSONValue? {
        var value: JSONValue? = self
        for part in path.split(separator: ".") {
            if case .array? = value { value = Int(part).flatMap { value?[$0] } } else { value = value?[String(part)] }
        }
        return value
    }
}
