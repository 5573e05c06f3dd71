internal import JSON

/// Where the answer of a call goes.
enum Answer {
    /// On a line of its own.
    case line
    /// Into its batch, which is sent when it is complete.
    case batch(Batch)

    /// The answers of a batch, sent together when the last one is there.
    final class Batch {
        fileprivate var waiting: Int
        fileprivate var line = JSONWriter(capacity: 0)

        /// - Parameter waiting: how many of its calls are answered.
        init(waiting: Int) { self.waiting = waiting }
    }

    /// Bytes that wait to be sent together with this answer.
    var waitingBytes: Int { if case .batch(let batch) = self { batch.line.count } else { 0 } }

    /// Puts the response that `body` writes where it belongs, and into `answers` what is complete by that. What is silent, a
    /// notification, runs for its effect.
    func put(into answers: inout JSONWriter, isSilent: Bool = false, _ body: (inout JSONWriter) -> Void) {
        switch self {
        case _ where isSilent:
            let start = answers.count
            body(&answers)
            answers.cut(to: start)
        case .line:
            body(&answers)
            answers.verbatim("\n")
        case .batch(let batch):
            batch.line.verbatim(batch.line.count == 0 ? "[" : ",")
            body(&batch.line)
            batch.waiting -= 1
            if batch.waiting == 0 {
                batch.line.verbatim("]\n")
                batch.line.withBytes { answers.verbatim($0) }
            }
        }
    }
}
