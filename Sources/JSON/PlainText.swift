/// The characters of a JSON string that stand for themselves and are one byte each: ASCII without quotes, backslashes and control
/// characters.
enum PlainText {
    /// Where they end that begin at `start`. Eight at a time: in a word, the top bit of each byte is set where the byte is a
    /// quote, a backslash, a control character or not ASCII. A borrow from such a byte can set the bit of one after it, never
    /// of one before it, so that the lowest bit tells the truth.
    @inline(__always)
    static func end(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var next = start
        while next + 8 <= bytes.count {
            let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: next, as: UInt64.self))
            let quote = word ^ (everyByte &* 0x22)
            let backslash = word ^ (everyByte &* 0x5C)
            let found =
                (quote &- everyByte) & ~quote | (backslash &- everyByte) & ~backslash
                | (word &- everyByte &* 0x20) & ~word | word
            let stops = found & (everyByte &* 0x80)
            guard stops == 0 else { return next + stops.trailingZeroBitCount / 8 }
            next += 8
        }
        while next < bytes.count, contains(bytes[next]) { next += 1 }
        return next
    }

    private static var everyByte: UInt64 { 0x0101_0101_0101_0101 }

    private static func contains(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }
}
