/// Streaming calls (PROTOCOL section 6): what a handler gives, and what the RPC layer makes of it.
package import JSON

/// The values of one streaming call, pulled one by one on the loop's thread, as fast as the caller takes them. Belongs to that
/// thread, and neither waits nor blocks.
package protocol ValueStream<Value, Result> {
    associatedtype Value: JSONWritable
    associatedtype Result
    /// The next value, or why there is none now. Throws what the call is to end with.
    func next() throws(RPCError) -> StreamStep<Value>
    /// What the call ends with where nothing fails: asked for when there are no more values.
    var result: Result { get }
}

/// What a stream answers when it is asked for a value.
package enum StreamStep<Value> {
    case value(Value)
    /// None found yet, and there is more to look through than one turn should bear: ask again in the next.
    case searching
    /// None now: ask again when there is news.
    case caughtUp
}

/// A stream whose values and result are written as JSON.
package struct EncodedStream {
    /// Writes the next value, if the answer is `.value`; else nothing.
    package let next: (inout JSONWriter) throws(RPCError) -> StreamStep<Void>
    /// Writes the result.
    package let finish: (inout JSONWriter) -> Void

    package init<Value, Result>(
        _ stream: some ValueStream<Value, Result>, writeResult: @escaping (Result, inout JSONWriter) -> Void
    ) {
        next = { writer throws(RPCError) in
            switch try stream.next() {
            case .value(let value):
                value.write(into: &writer)
                return .value(())
            case .searching: return .searching
            case .caughtUp: return .caughtUp
            }
        }
        finish = { writer in writeResult(stream.result, &writer) }
    }
}
