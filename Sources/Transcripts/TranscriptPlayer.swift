internal import EventLoop
internal import Glibc
package import JSON
package import RPC

/// Plays one transcript on one connection.
package struct TranscriptPlayer {
    /// Told of every message, as it is sent and as it came.
    package enum Traffic {
        case sent(JSONValue)
        case received(JSONValue)
    }

    private var transcript: Transcript
    private let channel: LineChannel
    private var variables: Variables
    private let steps: StepRunner
    /// Whether an expectation that does not hold is made to, instead of being a failure.
    private let isUpdating: Bool
    private let observe: (Traffic) -> Void
    /// Messages that came and that no line has asked for yet.
    private var waiting: [JSONValue] = []
    private var serverHasEnded = false
    /// The last call of each id, for expectations that come true in the end.
    private var calls: [(id: JSONValue, line: [UInt8])] = []
    /// The ids of calls whose answers no line has asked for yet.
    private var unasked: [JSONValue] = []

    package init(
        _ transcript: Transcript, on channel: LineChannel, _ variables: Variables, steps: StepRunner,
        isUpdating: Bool = false, observe: @escaping (Traffic) -> Void = { _ in }
    ) {
        self.transcript = transcript
        self.channel = channel
        self.variables = variables
        self.steps = steps
        self.isUpdating = isUpdating
        self.observe = observe
    }

    /// Plays it to its end, or to the first line that does not come true. Answers the transcript, with what was updated.
    package mutating func play() -> (transcript: Transcript, failure: ReplayFailure?) {
        for index in transcript.lines.indices {
            let differences = play(index)
            if !differences.isEmpty {
                let line = transcript.lines[index]
                return (transcript, ReplayFailure(line: line.number, text: line.text, differences: differences))
            }
        }
        return (transcript, unexpected())
    }

    private mutating func play(_ index: Int) -> [Difference] {
        do {
            switch transcript.lines[index].entry {
            case .remark, .header: return []
            case .send(let message): try send(message)
            case .expect(let expectation): return try expect(expectation, at: index)
            case .step(let step): return try steps.run(step, &variables)
            case .end: channel.finishSending()
            case .expectEnd(let patience): return try expectEnd(patience)
            }
            return []
        } catch {
            return [Difference("", "\(error)")]
        }
    }

    // MARK: Lines

    private mutating func send(_ message: JSONValue) throws {
        let filled = try variables.filled(message)
        if let text = filled.stringValue { return try channel.send(text.utf8) }
        observe(.sent(filled))
        let line = filled.bytes
        if let id = filled["id"] {
            calls.removeAll { $0.id == id }
            calls.append((id, line))
            if filled["method"] != nil { unasked.append(id) }
        }
        try channel.send(line)
    }

    private mutating func expect(_ expectation: Transcript.Expectation, at index: Int) throws -> [Difference] {
        let deadline = EventLoop.monotonicMilliseconds() + expectation.withinMilliseconds
        let address = try MessageAddress(expectation.pattern, variables)
        while true {
            guard let message = try next(until: deadline, { address.isOf($0) }) else {
                return [Difference("", missing(expectation, address))]
            }
            if message["method"] == nil { unasked.removeAll { $0 == message["id"] } }
            let differences = Pattern.differences(of: message, from: expectation.pattern, &variables)
            if differences.isEmpty { return [] }
            if expectation.isEventual, let call = calls.last(where: { $0.id == message["id"] }),
                EventLoop.monotonicMilliseconds() + Self.pauseMilliseconds < deadline
            {
                Self.pause()
                try channel.send(call.line)
                continue
            }
            guard isUpdating else { return differences }
            return update(index, expectation, message)
        }
    }

    /// Between two tries of what comes true in the end.
    static let pauseMilliseconds: Int64 = 20

    static func pause() { usleep(UInt32(pauseMilliseconds) * 1000) }

    private mutating func update(
        _ index: Int, _ expectation: Transcript.Expectation, _ message: JSONValue
    ) -> [Difference] {
        var expectation = expectation
        expectation.pattern = Pattern.adapted(expectation.pattern, to: message, &variables)
        transcript.lines[index] = Transcript.Line(expectation, number: transcript.lines[index].number)
        return Pattern.differences(of: message, from: expectation.pattern, &variables)
    }

    private mutating func expectEnd(_ patience: Int64) throws -> [Difference] {
        let deadline = EventLoop.monotonicMilliseconds() + patience
        if let message = try next(until: deadline, { _ in true }) {
            return [Difference("", "expected the end of the connection, got \(Shown.text(message))")]
        }
        return serverHasEnded ? [] : [Difference("", "the connection did not end within \(patience) ms")]
    }

    // MARK: Messages

    /// The first message that `isWanted`; nil where the time or the connection ends first.
    private mutating func next(until deadline: Int64, _ isWanted: (JSONValue) -> Bool) throws -> JSONValue? {
        if let index = waiting.firstIndex(where: isWanted) { return waiting.remove(at: index) }
        while !serverHasEnded {
            guard let message = try receive(until: deadline) else { return nil }
            if isWanted(message) { return message }
            waiting.append(message)
        }
        return nil
    }

    private mutating func receive(until deadline: Int64) throws -> JSONValue? {
        let line: [UInt8]?
        do throws(SystemError) {
            line = try channel.receive(timeoutMilliseconds: max(0, deadline - EventLoop.monotonicMilliseconds()))
        } catch {
            if error.isTimeout { return nil }
            throw error
        }
        guard let line else {
            serverHasEnded = true
            return nil
        }
        let message = try JSONValue(parsing: line)
        observe(.received(message))
        return message
    }

    private func missing(_ expectation: Transcript.Expectation, _ address: MessageAddress) -> String {
        let others = waiting.map { Shown.text($0) }.joined(separator: "; ")
        let why =
            serverHasEnded ? "the server closed the connection" : "nothing came within \(expectation.withinMilliseconds) ms"
        return "expected \(address), and \(why)" + (others.isEmpty ? "" : "; came and nobody asked for it: \(others)")
    }

    /// What is there and no line has asked for, and what must come and no line asks for.
    private mutating func unexpected() -> ReplayFailure? {
        while !serverHasEnded, let message = try? receive(until: EventLoop.monotonicMilliseconds()) {
            waiting.append(message)
        }
        let differences =
            waiting.map { Difference("", "came, and no line asked for it: \(Shown.text($0))") }
            + unasked.map { Difference("", "no line asks for the answer to the call \($0.text)") }
        guard !differences.isEmpty else { return nil }
        return ReplayFailure(line: transcript.lines.last?.number ?? 0, text: "(the end)", differences: differences)
    }
}

/// Why a transcript did not come true.
package struct ReplayFailure: Sendable {
    /// Counted from 1.
    package let line: Int
    /// The line as it is written.
    package let text: String
    package let differences: [Difference]
}

/// By what a message is told from others that may come before it: answers come in any order.
private struct MessageAddress: CustomStringConvertible {
    private let isBatch: Bool
    private let method: String?
    private let id: JSONValue?

    init(_ pattern: JSONValue, _ variables: Variables) throws(Variables.Unknown) {
        isBatch = pattern.arrayValue != nil || pattern["$unordered"] != nil
        let members = pattern["$partial"] ?? pattern
        method = members["method"]?.stringValue
        let params = members["params"].map { $0["$partial"] ?? $0 }
        let id = method == nil ? members["id"] : params?["id"]
        self.id = if let id, id.objectValue == nil { try variables.filled(id) } else { nil }
    }

    func isOf(_ message: JSONValue) -> Bool {
        guard !isBatch else { return message.arrayValue != nil }
        guard method == nil else {
            return message["method"]?.stringValue == method && (id == nil || message["params"]?["id"] == id)
        }
        return message["method"] == nil && message.arrayValue == nil && (id == nil || message["id"] == id)
    }

    var description: String {
        let what = isBatch ? "a batch" : method ?? "an answer"
        return id.map { "\(what) with the id \($0.text)" } ?? what
    }
}
