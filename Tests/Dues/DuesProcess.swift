import Crypto
import EventLoop
import Glibc
import HTTP
import JSON
import RPC
import Testing

/// The real binary, serving, with everything that a test does to it.
final class DuesProcess {
    static let webhookSecret = "whsec_test_of_the_real_binary"

    let child: ChildProcess
    let tcp: SocketAddress
    let http: String
    let sandbox: String
    let unix: String?

    /// The binary stands beside the bundle of tests.
    static var binary: String {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer[..<max(0, count)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/dues"
    }

    /// Starts `dues serve` and waits for its handshake. Ports are 0 unless the flags say otherwise.
    init(_ flags: [String] = ["--sandbox"], environment: [String: String] = [:]) throws {
        var words = [Self.binary, "serve", "--log", "error"] + flags
        for flag in ["--tcp", "--http"] + (flags.contains("--sandbox") ? ["--sandbox-http"] : [])
        where !flags.contains(flag) {
            words += [flag, "127.0.0.1:0"]
        }
        child = try ChildProcess(words, environment: environment)
        let line = try #require(try child.channel.receive(timeoutMilliseconds: 20_000), "the server ended at once")
        let handshake = try JSONValue(parsing: line)
        #expect(handshake["dues"] == 1)
        #expect(handshake["pid"] == .integer(Int64(child.pid)))
        tcp = try #require(handshake["tcp"]?.stringValue.flatMap(SocketAddress.init))
        http = "http://" + (handshake["http"]?.stringValue ?? "")
        sandbox = handshake["sandbox"]?.stringValue ?? ""
        unix = handshake["unix"]?.stringValue
    }

    func client() throws -> RPCClient { try RPCClient(tcp) }

    /// As a power failure would end it.
    func kill() {
        child.signal(SIGKILL)
        #expect(child.wait(timeoutMilliseconds: 10_000) == -SIGKILL)
    }

    /// As a supervisor would end it; everything is finished and the status is 0.
    func stop() {
        child.signal(SIGTERM)
        #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
    }

    /// A port that nobody listens on just now, for a server that must come back to the same one.
    static func freePort() throws -> UInt16 {
        let loop = try EventLoop()
        let listener = try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { $0.close() }
        defer { listener.close() }
        return listener.address.port
    }
}

/// HTTP as a browser and as Stripe speak it, one request at a time.
struct Web: Sendable {
    private let client = HTTPClient()

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        let result = Rendezvous<Result<HTTPResponse, HTTPClientError>>()
        client.start(request, timeoutMilliseconds: 10_000) { result.put($0) }
        return try result.take().get()
    }

    /// Confirms a payment at the sandbox with a publishable key, as Stripe.js does.
    func confirm(_ clientSecret: String, card: String, at sandbox: String) throws -> (status: Int, answer: JSONValue) {
        let intent = try #require(clientSecret.split(separator: "_secret_").first)
        let form = "key=pk_test_browser&client_secret=\(clientSecret)&payment_method=\(card)"
        let response = try send(
            HTTPRequest(
                method: "POST", target: "\(sandbox)/v1/payment_intents/\(intent)/confirm",
                headers: ["Content-Type": "application/x-www-form-urlencoded"], body: Array(form.utf8)))
        return (response.status, try JSONValue(parsing: response.body))
    }

    /// Delivers an event as Stripe does, signed at `time` with `secret`; nil leaves the header out.
    func deliver(_ payload: [UInt8], to http: String, signature: String?) throws -> (status: Int, answer: JSONValue) {
        var request = HTTPRequest(
            method: "POST", target: http + "/webhook", headers: ["Content-Type": "application/json"], body: payload)
        request.headers["Stripe-Signature"] = signature
        let response = try send(request)
        return (response.status, (try? JSONValue(parsing: response.body)) ?? .null)
    }

    static func signature(_ payload: [UInt8], secret: String, at time: Int64) -> String {
        let code = Digest.hmacSHA256(key: Array(secret.utf8), message: Array("\(time).".utf8) + payload)
        return "t=\(time),v1=\(Encoding.hexadecimal(code))"
    }
}

/// The sandbox's API with the secret key, for what no method of ours does.
struct SandboxAPI {
    private let base: String
    init(_ base: String) { self.base = base }

    func post(_ path: String, _ form: [String: String]) throws -> JSONValue {
        try send("POST", path, body: form.map { "\($0.key)=\($0.value)" }.joined(separator: "&"))
    }

    func get(_ path: String) throws -> JSONValue { try send("GET", path) }

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
