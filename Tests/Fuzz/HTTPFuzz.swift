/// The HTTP request parser: the pieces do not change its steps, what it lets through is within the limits and free of what
/// smuggles, and a request that is written plainly again reads the same.
func fuzz(_ input: UnsafeBufferPointer<UInt8>) {
    let bytes = Array(input)
    var small = HTTPLimits()
    (small.headBytes, small.bodyBytes) = (64, 24)
    for limits in [small, HTTPLimits()] {
        var first: Outcome?
        for pieces in Fuzzing.chunkings(bytes) {
            let outcome = run(pieces, limits)
            if let first {
                Fuzzing.require(
                    outcome == first, "the pieces do not change the steps",
                    "limits \(limits), pieces \(pieces.map(Fuzzing.show)): \(outcome), not \(first)")
            } else {
                first = outcome
                for case .request(let request) in outcome.steps { check(request, limits, bytes) }
            }
        }
    }
}

private struct Outcome: Equatable {
    /// Without `.needMore`, which depends on the pieces.
    var steps: [HTTPRequestParser.Step] = []
    var isMidway = false
}

/// Feeds `pieces` as a connection does: after each, `next` until it needs more; nothing after `.invalid`.
private func run(_ pieces: [ArraySlice<UInt8>], _ limits: HTTPLimits) -> Outcome {
    var parser = HTTPRequestParser(limits: limits)
    var outcome = Outcome()
    for piece in pieces {
        Subject.append(piece, to: &parser)
        feeding: while true {
            let step = parser.next()
            switch step {
            case .needMore: break feeding
            case .wantsContinue, .request: outcome.steps.append(step)
            case .invalid:
                outcome.steps.append(step)
                Fuzzing.require(parser.next() == .needMore, "after a refusal nothing more comes")
                return outcome
            }
        }
    }
    outcome.isMidway = parser.isMidway
    return outcome
}

private func check(_ request: HTTPRequest, _ limits: HTTPLimits, _ bytes: [UInt8]) {
    Fuzzing.require(request.body.count <= limits.bodyBytes, "a body is within its limit", Fuzzing.show(bytes))
    let words = [request.method, request.target] + request.headers.fields.flatMap { [$0.name, $0.value] }
    // RFC 9110 section 5.5: these three are what a field's value is split at by somebody else.
    Fuzzing.require(
        words.allSatisfy { $0.utf8.allSatisfy { $0 != 0 && $0 != 0x0A && $0 != 0x0D } },
        "no CR, LF or NUL is let through", Fuzzing.show(bytes))
    let fields = request.headers.fields
    let lengths = Set(request.headers.values("Content-Length"))
    let codings = request.headers.values("Transfer-Encoding")
    if !codings.isEmpty {
        Fuzzing.require(
            lengths.isEmpty && codings.count == 1 && Array(codings[0].utf8).map { $0 | 0x20 } == Array("chunked".utf8),
            "the only coding is chunked, and alone", Fuzzing.show(bytes))
    } else {
        Fuzzing.require(
            lengths.count < 2 && Int(lengths.first ?? "0") == request.body.count,
            "a body is as long as it says", Fuzzing.show(bytes))
    }

    // Written again with its length instead of its chunks.
    var again = request
    again.headers = [:]
    let framing = ["content-length", "transfer-encoding"]
    for field in fields where !framing.contains(field.name.lowercased()) { again.headers.add(field.name, field.value) }
    again.headers.add("Content-Length", String(request.body.count))
    var text = Array("\(again.method) \(again.target) HTTP/1.1\r\n".utf8)
    for field in again.headers.fields { text += Array("\(field.name): \(field.value)\r\n".utf8) }
    let wantsContinue = request.headers["Expect"]?.lowercased() == "100-continue"
    let steps = run([(text + Array("\r\n".utf8) + again.body)[...]], HTTPLimits()).steps
    Fuzzing.require(
        steps == (wantsContinue ? [.wantsContinue] : []) + [.request(again)],
        "a request that is written again reads the same", "\(Fuzzing.show(bytes)): \(steps)")
}

private enum Subject {
    /// The canary: a parser that loses a tab at the start of a piece.
    static func append(_ piece: ArraySlice<UInt8>, to parser: inout HTTPRequestParser) {
        #if CANARY
        let piece = piece.first == UInt8(ascii: "\t") ? piece.dropFirst() : piece
        #endif
        Array(piece).withUnsafeBufferPointer { parser.append($0.span) }
    }
}
