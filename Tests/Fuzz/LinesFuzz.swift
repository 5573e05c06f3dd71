/// The line splitter: whatever the pieces, the lines are those that a reader of the whole text would find.
func fuzz(_ input: UnsafeBufferPointer<UInt8>) {
    let bytes = Array(input)
    // A limit that inputs of the fuzzer's size cross, one that they do not, and the smallest.
    for maximum in [1, 24, 1 << 20] {
        let expected = lines(of: bytes, maximum: maximum)
        for pieces in Fuzzing.chunkings(bytes) {
            var splitter = LineSplitter(maximumBytes: maximum)
            var found: [LineSplitter.Line] = []
            for piece in pieces { Subject.append(piece, to: &splitter) { found.append($0) } }
            splitter.finish { found.append($0) }
            Fuzzing.require(
                found == expected, "the pieces do not change the lines",
                "maximum \(maximum), pieces \(pieces.map(Fuzzing.show)): \(found), not \(expected)")
        }
    }
}

/// The same lines by another road: the whole text at once, cut at every line feed.
private func lines(of bytes: [UInt8], maximum: Int) -> [LineSplitter.Line] {
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
        _ piece: ArraySlice<UInt8>, to splitter: inout LineSplitter, _ body: (LineSplitter.Line) -> Void
    ) {
        #if CANARY
        let piece = piece.last == UInt8(ascii: "\r") ? piece.dropLast() : piece
        #endif
        Array(piece).withUnsafeBufferPointer { splitter.append($0.span, body) }
    }
}
