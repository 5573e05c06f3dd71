internal import Contract
internal import EventLoop
internal import JSON

/// A call in flight.
struct OpenCall {
    let request: RPCRequest
    /// The request's id as it is meant: a client may write it with escapes here and without them in rpc.cancel.
    let id: JSONValue?
    let context: CallContext
    let answer: Answer
    let work: Work
    let deadline: TimerToken?

    enum Work {
        case task(Task<Void, Never>)
        case stream(OpenStream)
    }

    init(_ request: RPCRequest, _ context: CallContext, _ answer: Answer, _ work: Work, deadline: TimerToken?) {
        self.request = request
        self.context = context
        self.answer = answer
        self.work = work
        self.deadline = deadline
        id = request.id.flatMap { try? JSONValue(parsing: $0) }
    }

    var stream: OpenStream? { if case .stream(let stream) = work { stream } else { nil } }
}

extension Envelope.Call {
    /// The method, where there is one of this name.
    func method(in line: Span<UInt8>) -> Method? {
        let written = line.extracting(method.lowerBound + 1..<method.upperBound - 1)
        return written.withUnsafeBytes { Method(name: $0) } ?? Method(rawValue: name(in: line))
    }
}
