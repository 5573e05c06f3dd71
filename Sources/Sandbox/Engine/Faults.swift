import HTTP
import JSON

/// Bad days: ordered beforehand, so that the next requests of some kind are answered otherwise than they would be, later, or
/// not at all; or by chance, with a dial. They are not part of the account's state: a journal does not keep them, and
/// whoever starts anew has none.
struct Faults {
    private var orders: [Fault] = []
    private var dial: FaultDial?

    /// Orders that may wait at a time.
    private static let most = 1000

    mutating func add(_ fault: Fault) throws(APIFailure) {
        guard orders.count < Self.most else { throw .invalid("There are \(Self.most) faults already: delete some first.") }
        orders.append(fault)
    }

    mutating func turn(_ dial: FaultDial) { self.dial = dial }

    mutating func removeAll() { self = Faults() }

    /// The first that is meant for `request`, one time less from then on; else what the dial says.
    mutating func take(for request: HTTPRequest) -> Fault? {
        guard let index = orders.firstIndex(where: { $0.isMeant(for: request) }) else {
            return dial?.fault(for: request)
        }
        orders[index].times -= 1
        let fault = orders[index]
        if fault.times == 0 { orders.remove(at: index) }
        return fault
    }

    /// What happens to a delivery.
    mutating func fate() -> DeliveryFate { dial?.fate() ?? DeliveryFate() }

    var json: JSONValue {
        var shown: JSONObject = [
            "object": "list", "url": "/sandbox/faults", "has_more": false, "data": .array(orders.map(\.json)),
        ]
        shown["dial"] = dial?.json
        return .object(shown)
    }
}

/// What happens instead, or besides.
struct Fault {
    private var method = ""
    /// The path's segments; `*` stands for any one.
    private var path: [String] = []
    /// How many requests it is meant for.
    fileprivate(set) var times: Int64 = 1
    /// How long the answer takes.
    var delayMilliseconds: Int64 = 0
    /// Whether the connection ends instead of an answer.
    var hangsUp = false
    /// Whether the request has its effect, though the answer does not say so.
    var isAfterEffect = false
    /// What is answered as an error; nil where the answer is none.
    var failure: APIFailure?
    /// What is answered as it stands.
    var garbled: HTTPResponse?

    init() {}

    static let table = """
        method:(GET|POST|DELETE) path times:int delay_ms:int hang_up:bool after_effect:bool status:int type code \
        decline_code message param body retry_after:int should_retry:bool
        """

    init(_ params: JSONObject) throws(APIFailure) {
        guard let method = params.string("method") else { throw .missing("method") }
        guard let path = params.string("path") else { throw .missing("path") }
        self.method = method
        guard path.hasPrefix("/v1/") else { throw .invalid("The path must begin with /v1/.", param: "path") }
        self.path = path.split(separator: "/").map(String.init)
        times = params.integer("times") ?? 1
        guard (1...1_000_000).contains(times) else { throw .invalid("times is from 1 to 1000000.", param: "times") }
        delayMilliseconds = params.integer("delay_ms") ?? 0
        guard (0...600_000).contains(delayMilliseconds) else {
            throw .invalid("delay_ms is from 0 to 600000.", param: "delay_ms")
        }
        hangsUp = params["hang_up"]?.boolValue ?? false
        isAfterEffect = params["after_effect"]?.boolValue ?? false
        let status = params.integer("status")
        guard (200...599).contains(status ?? 200) else { throw .invalid("status is from 200 to 599.", param: "status") }
        let number = Int(status ?? 200)
        if let text = params.string("body") {
            var response = HTTPResponse(status: number, headers: ["Content-Type": "text/html"], body: Array(text.utf8))
            for (name, value) in Self.headers(params) { response.headers.add(name, value) }
            garbled = response
        } else {
            failure = status.map { _ in Self.failure(number, params) }
        }
    }

    private static func failure(_ status: Int, _ params: JSONObject) -> APIFailure {
        let message = params.string("message") ?? "This fault was ordered at /sandbox/faults."
        var failure = APIFailure(status, message, code: params.string("code"), param: params.string("param"))
        failure.type = params.string("type") ?? (status >= 500 ? "api_error" : "invalid_request_error")
        if let code = params.string("decline_code") { failure.details["decline_code"] = .string(code) }
        failure.headers = headers(params)
        return failure
    }

    private static func headers(_ params: JSONObject) -> [(String, String)] {
        var headers: [(String, String)] = []
        if let seconds = params.integer("retry_after") { headers.append(("Retry-After", String(seconds))) }
        if let flag = params["should_retry"]?.boolValue { headers.append(("Stripe-Should-Retry", String(flag))) }
        return headers
    }

    fileprivate func isMeant(for request: HTTPRequest) -> Bool {
        let segments = request.path.split(separator: "/")
        return request.method == method && segments.count == path.count
            && zip(path, segments).allSatisfy { $0 == "*" || $0 == $1 }
    }

    fileprivate var json: JSONValue {
        [
            "object": "sandbox.fault", "method": .string(method), "path": .string("/" + path.joined(separator: "/")),
            "times": .integer(times), "delay_ms": .integer(delayMilliseconds), "hang_up": .bool(hangsUp),
            "after_effect": .bool(isAfterEffect),
            "status": (failure?.status ?? garbled?.status).map { .integer(Int64($0)) } ?? .null,
        ]
    }
}

extension Account {
    /// `rates` turn the dial; anything else orders a fault.
    func orderFault(_ call: Call) throws(APIFailure) -> JSONValue {
        if call.params.has("rates") {
            try faults.turn(FaultDial(call.params))
        } else {
            try faults.add(Fault(call.params))
        }
        return faults.json
    }

    func listFaults(_ call: Call) throws(APIFailure) -> JSONValue { faults.json }

    func deleteFaults(_ call: Call) throws(APIFailure) -> JSONValue {
        faults.removeAll()
        return faults.json
    }
}
