package import HTTP
import JSON

/// A request as the journal keeps it: what is needed to do it again. The key is kept as whose it was, never itself.
package struct JournalRequest: Equatable, Sendable {
    package let request: HTTPRequest
    package let caller: Caller
    package let requestID: String
    /// Wall-clock Unix seconds.
    package let at: Int64

    /// Headers that change what a request does.
    private static let kept = ["Host", "Idempotency-Key", "Stripe-Version"]

    init(_ request: HTTPRequest, caller: Caller, requestID: String, at: Int64) {
        var headers: HTTPHeaders = [:]
        for name in Self.kept { if let value = request.headers[name] { headers.add(name, value) } }
        // Without the header the key stands among the parameters, as the sandbox's own page sends it.
        let isKeyed = request.headers["Authorization"] == nil
        self.request = HTTPRequest(
            method: request.method, target: isKeyed ? Self.withoutKey(request.target) : request.target,
            headers: headers,
            body: isKeyed ? Array(Self.withoutKey(String(decoding: request.body, as: UTF8.self)).utf8) : request.body)
        self.caller = caller
        self.requestID = requestID
        self.at = at
    }

    /// A form, or the target of a request, without the secret key in it.
    private static func withoutKey(_ text: String) -> String {
        guard let key = text.firstRange(of: "key=sk_"),
            key.lowerBound == text.startIndex || "?&".contains(text[text.index(before: key.lowerBound)])
        else { return text }
        let rest = text[key.lowerBound...].drop { $0 != "&" }.dropFirst()
        return String(text[..<key.lowerBound] + rest)
    }

    /// Only what changes something is done once.
    var idempotencyKey: String? { request.method == "POST" ? request.headers["Idempotency-Key"] : nil }

    var json: JSONValue {
        var headers: JSONObject = [:]
        for field in request.headers.fields { headers[field.name] = .string(field.value) }
        return [
            "at": .integer(at), "id": .string(requestID), "as": .string(caller.rawValue),
            "method": .string(request.method), "target": .string(request.target), "headers": .object(headers),
            "body": .string(String(decoding: request.body, as: UTF8.self)),
        ]
    }

    init?(_ json: JSONValue) {
        guard let at = json["at"]?.integerValue, let id = json["id"]?.stringValue,
            let caller = json["as"]?.stringValue.flatMap(Caller.init(rawValue:)),
            let method = json["method"]?.stringValue, let target = json["target"]?.stringValue,
            let body = json["body"]?.stringValue
        else { return nil }
        var headers: HTTPHeaders = [:]
        for (name, value) in json["headers"]?.objectValue ?? [:] { headers.add(name, value.stringValue ?? "") }
        self.init(
            HTTPRequest(method: method, target: target, headers: headers, body: Array(body.utf8)), caller: caller,
            requestID: id, at: at)
    }
}
