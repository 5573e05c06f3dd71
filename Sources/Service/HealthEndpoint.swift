package import HTTP
internal import Contract
internal import JSON

/// `GET /healthz`: what rpc.health says, for whoever asks over HTTP, such as a load balancer: 200 while the server serves, 503
/// while it does not.
package struct HealthEndpoint: Sendable {
    package static let path = "/healthz"
    private let health: Health

    package init(_ health: Health) { self.health = health }

    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = request.refusalUnlessRead("health is") { return responder.respond(refusal) }
        let report = health.report
        var writer = JSONWriter()
        report.write(into: &writer, metadata: nil)
        responder.respond(
            HTTPResponse(
                status: report.status == .serving ? 200 : 503, headers: ["Content-Type": "application/json"],
                body: writer.bytes))
    }
}

extension HTTPRequest {
    /// What a request is answered that asks for a page other than by GET or HEAD; nil for one that does.
    func refusalUnlessRead(_ what: String) -> HTTPResponse? {
        guard method != "GET", method != "HEAD" else { return nil }
        var response = HTTPResponse.json(405, ["error": .string("\(what) asked for by GET")])
        response.headers.add("Allow", "GET, HEAD")
        return response
    }
}
