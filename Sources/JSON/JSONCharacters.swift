/// What stands between the quotes of a string and is not plain ASCII: escapes, and characters of several bytes.
extension JSONReader {
    mutating func readEscape() throws(JSONError) -> Unicode.Scalar {
        let start = position
        guard position + 1 < bytes.count else { throw error("the text ends inside an escape") }
        let letter = bytes[position + 1]
        position += 2
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            let unit = try readHexadecimalUnit()
            if let scalar = Unicode.Scalar(unit) { return scalar }
            guard unit < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                bytes[position + 1] == UInt8(ascii: "u")
            else { throw error("a surrogate stands alone", at: start) }
            position += 2
            let low = try readHexadecimalUnit()
            guard (0xDC00...0xDFFF).contains(low) else { throw error("a surrogate stands alone", at: start) }
            let pair = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
            guard let scalar = Unicode.Scalar(pair) else { throw error("a surrogate stands alone", at: start) }
            return scalar
        default: throw error("this escape does not exist", at: start)
        }
    }

    private mutating func readHexadecimalUnit() throws(JSONError) -> UInt16 {
        guard position + 4 <= bytes.count else { throw error("the text ends inside an escape") }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue, bytes[position] < 0x80 else {
                throw error("a hexadecimal digit should be here")
            }
            unit = unit << 4 | UInt16(digit)
            position += 1
        }
        return unit
    }

    /// Steps over one unescaped character of a string, or throws where it is a control character or not UTF-8
    /// (Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
    mutating func skipCharacter(_ lead: UInt8) throws(JSONError) {
        switch lead {
        case 0..<0x20: throw error("a control character must be escaped")
        case 0x20..<0x80: position += 1
        case 0xC2...0xDF: try skipMultibyte(count: 2, second: 0x80...0xBF)
        case 0xE0: try skipMultibyte(count: 3, second: 0xA0...0xBF)
        case 0xED: try skipMultibyte(count: 3, second: 0x80...0x9F)
        case 0xE1...0xEF: try skipMultibyte(count: 3, second: 0x80...0xBF)
        case 0xF0: try skipMultibyte(count: 4, second: 0x90...0xBF)
        case 0xF1...0xF3: try skipMultibyte(count: 4, second: 0x80...0xBF)
        case 0xF4: try skipMultibyte(count: 4, second: 0x80...0x8F)
        default: throw error("these bytes are not UTF-8")
        }
    }

    private mutating func skipMultibyte(count: Int, second: ClosedRange<UInt8>) throws(JSONError) {
        guard position + count <= bytes.count, second.contains(bytes[position + 1]),
            (2..<count).allSatisfy({ bytes[position + $0] & 0xC0 == 0x80 })
        else { throw error("these bytes are not UTF-8") }
        position += count
    }
}
