internal import Crypto
internal import EventLoop
package import HTTP
package import JSON
internal import Testing

/// HTTP as a browser and as Stripe speak it, one request at a time.
package struct Web: Sendable {
    private let client = HTTPClient()

    package init() {}

    package func send(_ request: HTTPRequest) throws -> HTTPResponse {
        let result = Rendezvous<Result<HTTPResponse, HTTPClientError>>()
        client.start(request, timeoutMilliseconds: 10_000) { result.put($0) }
        return try result.take().get()
    }

    /// Confirms a payment at the sandbox with a publishable key, as Stripe.js does.
    package func confirm(_ clientSecret: String, card: String, at sandbox: String) throws -> (
        status: Int, answer: JSONValue
    ) {
        let intent = try #require(clientSecret.split(separator: "_secret_").first)
        let form = "key=pk_test_browser&client_secret=\(clientSecret)&payment_method=\(card)"
        let response = try send(
            HTTPRequest(
                method: "POST", target: "\(sandbox)/v1/payment_intents/\(intent)/confirm",
                headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array(form.utf8)))
        return (response.status, try JSONValue(parsing: response.body))
    }

    /// Delivers an event as Stripe does, signed at `time` with `secret`; nil leaves the header out.
    package func deliver(_ payload: [UInt8], to http: String, signature: String?) throws -> (status: Int, answer: JSONValue)
    {
        var request = HTTPRequest(
            method: "POST", target: http + "/webhook", headers: ["Content-Type": "application/json"], body: payload)
        request.headers["Stripe-Signature"] = signature
        let response = try send(request)
        return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
    }

    package static func signature(_ payload: [UInt8], secret: String, at time: Int64) -> String {
        let code = Digest.hmacSHA256(key: Array(secret.utf8), message: Array("\(time).".utf8) + payload)
        return "t=\(time),v1=\(Encoding.hexadecimal(code))"
    }
}

/// The sandbox's API with the secret key, for what no method of ours does.
package struct SandboxAPI {
    private let base: String
    package init(_ base: String) { self.base = base }

    package func post(_ path: String, _ form: [String: String]) throws -> JSONValue {
        try send("POST", path, body: form.map { "\($0.key)=\($0.value)" }.joined(separator: "&"))
    }

    package func get(_ path: String) throws -> JSONValue { try send("GET", path) }
    package func delete(_ path: String) throws -> JSONValue { try send("DELETE", path) }

    private func send(_ method: String, _ path: String, body: String = "") throws -> JSONValue {
        let headers: HTTPHeaders = [
            "Authorization": "Bearer sk_test_tests", "Content-Type": "application/x-www-form-urlencoded",
        ]
        let response = try Web().send(
            HTTPRequest(method: method, target: base + path, headers: headers, body: Array(body.utf8)))
        let answer = try JSONValue(parsing: response.body)
        #expect(response.status == 200, "\(path): \(answer.text)")
        return answer
    }
}
