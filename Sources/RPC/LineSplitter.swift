internal import Glibc

/// Lines out of bytes, in whatever pieces they arrive (PROTOCOL section 1). A line that is whole in one piece is not copied;
/// of others at most one is held, of the permitted length; the rest of a longer one is discarded as it comes.
struct LineSplitter {
    private let maximumBytes: Int
    private var partial: [UInt8] = []
    private var isDiscarding = false

    enum Next: Equatable {
        /// A line that stands here in the bytes, without its end; never blank.
        case line(Range<Int>)
        /// A line that came in pieces, without its end; never blank.
        case assembled([UInt8])
        /// A line longer than permitted; announced once, when that is clear.
        case tooLong
        /// Nothing more is complete in the bytes; what has begun is kept.
        case nothing
    }

    /// Whether a line has begun and not ended.
    var isMidway: Bool { isDiscarding || !partial.isEmpty }

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    /// The next line that `bytes` completes, from `position` on, which is moved behind it.
    mutating func next(in bytes: Span<UInt8>, from position: inout Int) -> Next {
        while position < bytes.count {
            let start = position
            guard let end = Self.lineEnd(in: bytes, from: start) else {
                position = bytes.count
                return keep(bytes.extracting(start...)) ? .nothing : .tooLong
            }
            position = end + 1
            if isMidway {
                guard keep(bytes.extracting(start..<end)) else {
                    isDiscarding = false
                    return .tooLong
                }
                if let found = finish() { return found }
            } else {
                let line = start..<(end > start && bytes[end - 1] == UInt8(ascii: "\r") ? end - 1 : end)
                if line.count > maximumBytes { return .tooLong }
                if !Self.isBlank(bytes.extracting(line)) { return .line(line) }
            }
        }
        return .nothing
    }

    /// The line that has begun, as a whole one: at the end of the input, or of the line. Nil where it has been announced as too
    /// long, or is blank.
    mutating func finish() -> Next? {
        defer { isDiscarding = false }
        var line: [UInt8] = []
        swap(&line, &partial)
        if isDiscarding { return nil }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if line.count > maximumBytes { return .tooLong }
        return Self.isBlank(line.span) ? nil : .assembled(line)
    }

    /// Where the line that begins at `start` ends. Unsafe because bytes are scanned here, by memchr.
    private static func lineEnd(in bytes: Span<UInt8>, from start: Int) -> Int? {
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return nil }
            return memchr(base + start, Int32(UInt8(ascii: "\n")), buffer.count - start).map { UnsafeRawPointer($0) - base }
        }
    }

    private static func isBlank(_ line: Span<UInt8>) -> Bool {
        for index in 0..<line.count where !isSpace(line[index]) { return false }
        return true
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    /// Adds a piece to the line that has begun. False where that has just become too long.
    private mutating func keep(_ piece: Span<UInt8>) -> Bool {
        if isDiscarding { return true }
        // One byte more than permitted is kept, for it may be the `\r` of the line's end.
        guard partial.count + piece.count <= maximumBytes + 1 else {
            isDiscarding = true
            partial = []
            return false
        }
        piece.withUnsafeBufferPointer { partial.append(contentsOf: $0) }
        return true
    }
}
