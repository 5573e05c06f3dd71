internal import Glibc

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

    /// Whether a line has begun and not ended.
    var isMidway: Bool { isDiscarding || !partial.isEmpty }

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// Hands the lines that `bytes` completes to `body`, in order. Unsafe because bytes are scanned here, by memchr.
    mutating func append(_ bytes: Span<UInt8>, _ body: (Line) -> Void) {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            while start < buffer.count, let end = memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start) {
                let position = UnsafeRawPointer(end) - base
                take(UnsafeRawBufferPointer(rebasing: buffer[start..<position]), body)
                finish(body)
                start = position + 1
            }
            take(UnsafeRawBufferPointer(rebasing: buffer[start...]), body)
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
        if !partial.allSatisfy(Self.isBlank) { body(.complete(partial)) }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private mutating func take(_ piece: UnsafeRawBufferPointer, _ body: (Line) -> Void) {
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
