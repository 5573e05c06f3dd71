/// Lines out of bytes, in whatever pieces they arrive (PROTOCOL section 1). Holds at most one unfinished line of the
/// permitted length; the rest of a longer one is discarded as it comes.
struct LineSplitter {
    private let maximumBytes: Int
    private var partial: [UInt8] = []
    private var isDiscarding = false

    enum Line: Equatable {
        /// A line without its end; never blank.
        case complete([UInt8])
        /// A line longer than permitted; announced once, when that is clear.
        case tooLong
    }

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Hands the lines that `bytes` completes to `body`, in order.
    mutating func append(_ bytes: Span<UInt8>, _ body: (Line) -> Void) {
        bytes.withUnsafeBufferPointer { buffer in
            var rest = buffer[...]
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                take(rest[..<end], body)
                finish(body)
                rest = rest[(end + 1)...]
            }
            take(rest, body)
        }
    }

    /// The input has ended: what is there without a line's end is a line too.
    mutating func finish(_ body: (Line) -> Void) {
        defer {
            partial = []
            isDiscarding = false
        }
        if isDiscarding { return }
        if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
        if partial.count > maximumBytes { return body(.tooLong) }
        let isBlank = partial.allSatisfy { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r") }
        if !isBlank { body(.complete(partial)) }
    }

    private mutating func take(_ piece: Slice<UnsafeBufferPointer<UInt8>>, _ body: (Line) -> Void) {
        guard !isDiscarding else { return }
        // One byte more than permitted is kept, for it may be the `\r` of the line's end.
        guard partial.count + piece.count <= maximumBytes + 1 else {
            isDiscarding = true
            partial = []
            return body(.tooLong)
        }
        partial.append(contentsOf: piece)
    }
}
