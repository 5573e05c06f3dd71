import Testing

@testable import RPC

@Suite struct LineSplitterTests {
    /// The lines that `text` gives when it comes in pieces of `size` bytes, `!` for one that is too long.
    private func lines(_ text: String, pieces size: Int, maximum: Int = 10) -> [String] {
        var splitter = LineSplitter(maximumBytes: maximum)
        var found: [String] = []
        func note(_ next: LineSplitter.Next, _ piece: [UInt8]) {
            switch next {
            case .line(let place): found.append(String(decoding: piece[place], as: UTF8.self))
            case .assembled(let bytes): found.append(String(decoding: bytes, as: UTF8.self))
            case .tooLong: found.append("!")
            case .nothing: break
            }
        }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            var position = 0
            while position < piece.count { note(splitter.next(in: piece.span, from: &position), piece) }
            rest = rest.dropFirst(size)
        }
        if let last = splitter.finish() { note(last, []) }
        return found
    }

    @Test(arguments: [1, 2, 3, 5, 1000])
    func `lines are the same in any pieces`(size: Int) {
        #expect(lines("a\nbc\r\n\n  \t\r\nd e\n", pieces: size) == ["a", "bc", "d e"])
        #expect(lines("1234567890\n12345678901\nx\n", pieces: size) == ["1234567890", "!", "x"])
        #expect(lines("1234567890\r\n12345678901\r\nx", pieces: size) == ["1234567890", "!", "x"])
        #expect(lines(String(repeating: "y", count: 5000) + "\nx\n", pieces: size) == ["!", "x"])
        #expect(lines(String(repeating: "y", count: 5000), pieces: size) == ["!"])
        #expect(lines("", pieces: size) == [])
    }
}
