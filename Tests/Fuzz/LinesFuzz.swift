/// The line splitter: whatever the pieces, the lines are those that a reader of the whole text would find.
func fuzz(_ input: UnsafeBufferPointer<UInt8>) {
    let bytes = Array(input)
    // A limit that inputs of the fuzzer's size cross, one that they do not, and the smallest.
    for maximum in [1, 24, 1 << 20] {
        let expected = lines(of: bytes, maximum: maximum)
        for pieces in Fuzzing.chunkings(bytes) {
            var splitter = LineSplitter(maximumBytes: maximum)
            var found: [Line] = []
            for piece in pieces { Subject.append(piece, to: &splitter) { found.append($0) } }
            if let last = splitter.finish() { found.append(Line(last, [])) }
            Fuzzing.require(
                found == expected, "the pieces do not change the lines",
                "maximum \(maximum), pieces \(pieces.map(Fuzzing.show)): \(found), not \(expected)")
        }
    }
}

private enum Line: Equatable {
    case complete([UInt8])
    case tooLong

    /// `next` is not `.nothing`.
    init(_ next: LineSplitter.Next, _ piece: [UInt8]) {
        switch next {
        case .line(let place): self = .complete(Array(piece[place]))
        case .assembled(let bytes): self = .complete(bytes)
        case .tooLong: self = .tooLong
        case .nothing: fatalError("nothing is no line")
        }
    }
}

/// The same lines by another road: the whole text at once, cut at every line feed.
private func lines(of bytes: [UInt8], maximum: Int) -> [Line] {
    bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).compactMap { piece in
        let line = piece.last == UInt8(ascii: "\r") ? piece.dropLast() : piece
        if line.count > maximum { return .tooLong }
        let isBlank = line.allSatisfy { " \t\r".utf8.contains($0) }
        return isBlank ? nil : .complete(Array(line))
    }
}

private enum Subject {
    /// The canary: a splitter that takes every `\r` at the end of a piece for the first half of a line's end.
    static func append(
        _ piece: ArraySlice<UInt8>, to splitter: inout LineSplitter, _ body: (Line) -> Void
    ) {
        #if CANARY
        let piece = piece.last == UInt8(ascii: "\r") ? piece.dropLast() : piece
        #endif
        let bytes = Array(piece)
        var position = 0
        while position < bytes.count {
            let next = splitter.next(in: bytes.span, from: &position)
            if next != .nothing { body(Line(next, bytes)) }
        }
    }
}
