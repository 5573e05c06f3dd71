internal import EventLoop
internal import HTTP
internal import JSON

/// Makes the HTTP requests of steps, one at a time for each transcript.
package struct StepRunner: Sendable {
    private let client = HTTPClient()

    package init() {}

    /// Answers how the answer differs from what was expected; what it captures goes to `variables`.
    func run(_ step: Transcript.Step, _ variables: inout Variables) throws -> [Difference] {
        let deadline = EventLoop.monotonicMilliseconds() + step.withinMilliseconds
        let request = try request(step, variables)
        while true {
            let left = max(1, deadline - EventLoop.monotonicMilliseconds())
            let differences = try differences(send(request, timeoutMilliseconds: left), step, &variables)
            let hasTime = EventLoop.monotonicMilliseconds() + TranscriptPlayer.pauseMilliseconds < deadline
            guard !differences.isEmpty, step.isEventual, hasTime else { return differences }
            TranscriptPlayer.pause()
        }
    }

    private func request(_ step: Transcript.Step, _ variables: Variables) throws -> HTTPRequest {
        var request = HTTPRequest(method: step.method, target: try variables.filled(step.url))
        switch step.body {
        case .none: break
        case .json(let json):
            request.headers["Content-Type"] = "application/json"
            request.body = try variables.filled(json).bytes
        case .form(let fields):
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
            let pairs = try fields.map { name, value in
                let filled = try variables.filled(value)
                return "\(PercentEncoding.encode(name))=\(PercentEncoding.encode(filled.stringValue ?? filled.text))"
            }
            request.body = Array(pairs.joined(separator: "&").utf8)
        }
        for (name, value) in step.headers { request.headers[name] = try variables.filled(value) }
        return request
    }

    private func send(_ request: HTTPRequest, timeoutMilliseconds: Int64) throws -> HTTPResponse {
        let result = Rendezvous<Result<HTTPResponse, HTTPClientError>>()
        client.start(request, timeoutMilliseconds: timeoutMilliseconds) { result.put($0) }
        return try result.take().get()
    }

    private func differences(
        _ response: HTTPResponse, _ step: Transcript.Step, _ variables: inout Variables
    ) -> [Difference] {
        let isExpected = step.status.map { $0 == response.status } ?? (200..<300).contains(response.status)
        guard isExpected else {
            let expected = step.status.map(String.init) ?? "200 to 299"
            let text = Secrets.masked(String(decoding: response.body.prefix(1000), as: UTF8.self))
            return [Difference("", "expected the status \(expected), got \(response.status): \(text)")]
        }
        guard let pattern = step.pattern else { return [] }
        guard let body = try? JSONValue(parsing: response.body) else { return [Difference("", "the answer is not JSON")] }
        return Pattern.differences(of: body, from: pattern, &variables)
    }
}
