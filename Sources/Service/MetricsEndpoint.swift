package import HTTP
internal import Contract
internal import Stripe

/// `GET /metrics`: health and the traffic to Stripe in the text format of Prometheus
/// (https://prometheus.io/docs/instrumenting/exposition_formats/), for whoever draws and watches them.
package struct MetricsEndpoint: Sendable {
    package static let path = "/metrics"
    private let health: Health

    package init(_ health: Health) { self.health = health }

    package func handle(_ request: HTTPRequest, _ responder: HTTPResponder) {
        if let refusal = request.refusalUnlessRead("metrics are") { return responder.respond(refusal) }
        responder.respond(
            HTTPResponse(
                status: 200, headers: ["Content-Type": "text/plain; version=0.0.4; charset=utf-8"],
                body: Array(text.utf8)))
    }

    private var text: String {
        let report = health.report
        let checks = [
            ("stripe", report.checks.stripe), ("store", report.checks.store), ("webhooks", report.checks.webhooks),
        ]
        var page = MetricsPage()
        page.gauge("dues_serving", "Whether calls are served: 1 or 0.", [([:], report.status == .serving ? 1 : 0)])
        page.gauge(
            "dues_check_serving", "Whether one of the things that the server stands on can be relied on.",
            checks.map { (["check": $0.0], $0.1.status == .serving ? 1 : 0) })
        let upstream = health.upstream
        page.gauge(
            "dues_calls_waiting_for_turn", "Calls that wait until another one no longer changes their customer.",
            [([:], Double(upstream.waitingForTurn))])
        write(upstream.figures, to: &page)
        return page.text
    }

    private func write(_ figures: UpstreamFigures, to page: inout MetricsPage) {
        let each = { (value: (UpstreamFigures.Mode) -> Double?) in
            UpstreamMode.allCases.compactMap { mode in value(figures[mode]).map { (["mode": mode.rawValue], $0) } }
        }
        page.gauge("dues_stripe_in_flight", "Requests that Stripe has not answered yet.", each { Double($0.inFlight) })
        page.gauge("dues_stripe_waiting", "Calls that wait until the rate lets them out.", each { Double($0.waiting) })
        page.gauge("dues_stripe_rate", "Requests a second that go out at most for now.", each(\.perSecond))
        page.counter(
            "dues_stripe_requests_total", "Requests to Stripe, repeated ones included.", each { Double($0.attempts) })
        page.counter(
            "dues_stripe_request_seconds_total", "How long they took together.", each { Double($0.milliseconds) / 1000 })
        page.counter(
            "dues_stripe_rate_limited_total", "Answers by which Stripe said that there were too many.",
            each { Double($0.complaints) })
        page.counter(
            "dues_stripe_turned_away_total", "Calls refused because too many waited already, or too long.",
            each { Double($0.refused) })
        page.counter(
            "dues_stripe_retries_total", "Requests that were repeated, by why.",
            figures.retries.sorted { $0.key.rawValue < $1.key.rawValue }.map {
                (["reason": $0.key.rawValue], Double($0.value))
            })
        page.gauge(
            "dues_stripe_breaker", "The circuit breaker: 1 for the state that it is in.",
            CircuitBreaker.Phase.allCases.map { (["state": $0.rawValue], $0 == figures.breaker ? 1 : 0) })
        page.counter(
            "dues_stripe_breaker_opened_total", "How often it opened.", [([:], Double(figures.breakerOpened))])
        page.counter(
            "dues_stripe_breaker_refused_total", "Calls that it refused.", [([:], Double(figures.refusedByBreaker))])
    }
}

/// A page of metrics as it is written. Names and labels are the server's own words: nothing in them needs escaping.
private struct MetricsPage {
    typealias Sample = (labels: [String: String], value: Double)

    private(set) var text = ""

    mutating func gauge(_ name: String, _ help: String, _ samples: [Sample]) { write(name, help, "gauge", samples) }
    mutating func counter(_ name: String, _ help: String, _ samples: [Sample]) { write(name, help, "counter", samples) }

    private mutating func write(_ name: String, _ help: String, _ type: String, _ samples: [Sample]) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
        for sample in samples {
            let labels = sample.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\"\($0.value)\"" }
            text += name + (labels.isEmpty ? "" : "{\(labels.joined(separator: ","))}") + " \(sample.value)\n"
        }
    }
}
