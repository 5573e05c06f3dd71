/// A cursor over strict JSON bytes: RFC 8259, and beyond it no duplicate keys, no lone surrogates, valid UTF-8, bounded
/// nesting. Values are pulled one by one, so that a decoder can read a message in one pass without building a tree.
///
/// The bytes are borrowed: a reader lives inside `JSONReader.read`.
package struct JSONReader {
    /// Levels of nesting that a text may have.
    package static let maximumDepth = 64

    /// Unsafe because bytes are scanned here: valid for the duration of `read`'s body, which makes the reader.
    private let bytes: UnsafeRawBufferPointer
    private let deepest: Int
    private var depth = 0
    /// Offset of the next unread byte.
    package private(set) var position: Int

    private init(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
        self.bytes = bytes
        deepest = maximumDepth
        position = 0
    }

    /// Runs `body` with a reader at the start of `bytes`.
    package static func read<Result>(
        _ bytes: some Collection<UInt8>, maximumDepth: Int = maximumDepth,
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) throws(JSONError) -> Result {
        let outcome = bytes.withContiguousStorageIfAvailable { buffer in
            Self.run(UnsafeRawBufferPointer(buffer), maximumDepth, body)
        }
        return try (outcome ?? Array(bytes).withUnsafeBytes { Self.run($0, maximumDepth, body) }).get()
    }

    /// Like `read`, for what is read at every call: neither the bytes nor what comes of them are generic, so that the way in
    /// costs nothing. `body` leaves its result in a variable of the caller's.
    package static func scan(
        _ bytes: [UInt8], _ body: (inout JSONReader) throws(JSONError) -> Void
    ) throws(JSONError) {
        var failure: JSONError?
        bytes.withUnsafeBytes { buffer in
            var reader = JSONReader(buffer, maximumDepth: maximumDepth)
            do throws(JSONError) { try body(&reader) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private static func run<Result>(
        _ bytes: UnsafeRawBufferPointer, _ maximumDepth: Int,
        _ body: (inout JSONReader) throws(JSONError) -> Result
    ) -> Swift.Result<Result, JSONError> {
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        do { return .success(try body(&reader)) } catch { return .failure(error) }
    }

    // MARK: Position

    /// The kind of the value that comes next; skips white space before it.
    package mutating func peek() throws(JSONError) -> JSONKind {
        skipWhitespace()
        guard position < bytes.count else { throw error("the text ends where a value should be") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return .object
        case UInt8(ascii: "["): return .array
        case UInt8(ascii: "\""): return .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .boolean
        case UInt8(ascii: "n"): return .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        default: throw error("a value cannot start with this byte")
        }
    }

    /// Requires that nothing but white space is left.
    package mutating func finish() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw error("there is more after the value") }
    }

    /// The bytes of `range`, copied.
    package func copy(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }

    private func error(_ problem: String, at offset: Int? = nil) -> JSONError {
        JSONError(offset: offset ?? position, problem: problem)
    }

    private mutating func skipWhitespace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    private mutating func take(_ byte: UInt8, _ problem: @autoclosure () -> String) throws(JSONError) {
        skipWhitespace()
        guard position < bytes.count, bytes[position] == byte else { throw error(problem()) }
        position += 1
    }

    // MARK: Containers

    /// Enters an object. Its members are then pulled by `nextKey(_:)` until that returns nil.
    package mutating func beginObject() throws(JSONError) -> JSONObjectCursor {
        try take(UInt8(ascii: "{"), "an object should be here")
        try enter()
        return JSONObjectCursor()
    }

    /// The next member's key, decoded, with the reader before its value; nil, past the closing brace, after the last.
    package mutating func nextKey(_ cursor: inout JSONObjectCursor) throws(JSONError) -> String? {
        guard try nextElement(closing: UInt8(ascii: "}"), first: cursor.isFirst) else { return nil }
        cursor.isFirst = false
        skipWhitespace()
        let start = position
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("a key should be here") }
        let key = try readString()
        let isNew =
            if position - start - 2 == key.utf8.count {
                cursor.insert((start + 1)..<(position - 1), of: bytes)
            } else {
                cursor.insert(key, of: bytes)
            }
        guard isNew else { throw error("the key \"\(key)\" is there twice", at: start) }
        try take(UInt8(ascii: ":"), "a colon should follow the key")
        return key
    }

    /// Like `nextKey(_:)`, for a member that nobody asks for: makes no string of a key without escapes.
    private mutating func skipKey(_ cursor: inout JSONObjectCursor) throws(JSONError) -> Bool {
        guard try nextElement(closing: UInt8(ascii: "}"), first: cursor.isFirst) else { return false }
        cursor.isFirst = false
        skipWhitespace()
        let start = position
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("a key should be here") }
        let isNew: Bool
        if let end = endOfPlainKey(from: start + 1) {
            position = end + 1
            isNew = cursor.insert((start + 1)..<end, of: bytes)
        } else {
            isNew = cursor.insert(try readString(), of: bytes)
        }
        guard isNew else {
            position = start
            throw error("the key \"\(try readString())\" is there twice", at: start)
        }
        try take(UInt8(ascii: ":"), "a colon should follow the key")
        return true
    }

    /// Like `nextKey(_:)`, for an object whose names are known beforehand: makes no string for a key that is one of
    /// `names`, and notes it in `cursor.known`. One object is read with one set of names.
    package mutating func nextMember(
        _ cursor: inout JSONObjectCursor, among names: JSONNames
    ) throws(JSONError) -> JSONMember? {
        guard try nextElement(closing: UInt8(ascii: "}"), first: cursor.isFirst) else { return nil }
        cursor.isFirst = false
        skipWhitespace()
        let start = position
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { throw error("a key should be here") }
        let index: Int
        if let end = endOfPlainKey(from: start + 1),
            let found = names.index(of: UnsafeRawBufferPointer(rebasing: bytes[(start + 1)..<end]))
        {
            position = end + 1
            index = found
        } else {
            var key = try readString()
            guard let found = key.withUTF8({ names.index(of: UnsafeRawBufferPointer($0)) }) else {
                guard cursor.insert(key, of: bytes) else { throw error("the key \"\(key)\" is there twice", at: start) }
                try take(UInt8(ascii: ":"), "a colon should follow the key")
                return .unknown(key)
            }
            index = found
        }
        guard cursor.insert(known: index) else { throw error("the key \"\(names[index])\" is there twice", at: start) }
        try take(UInt8(ascii: ":"), "a colon should follow the key")
        return .known(index)
    }

    /// Where the closing quote of a key of plain ASCII stands; nil where the key needs decoding.
    private func endOfPlainKey(from start: Int) -> Int? {
        var end = start
        while end < bytes.count {
            switch bytes[end] {
            case UInt8(ascii: "\""): return end
            case UInt8(ascii: "\\"), 0..<0x20, 0x80...: return nil
            default: end += 1
            }
        }
        return nil
    }

    /// Enters an array. Its elements are then announced by `nextElement(_:)` until that returns false.
    package mutating func beginArray() throws(JSONError) -> JSONArrayCursor {
        try take(UInt8(ascii: "["), "an array should be here")
        try enter()
        return JSONArrayCursor()
    }

    /// Whether another element follows, with the reader before it; false, past the closing bracket, after the last.
    package mutating func nextElement(_ cursor: inout JSONArrayCursor) throws(JSONError) -> Bool {
        let more = try nextElement(closing: UInt8(ascii: "]"), first: cursor.isFirst)
        cursor.isFirst = false
        return more
    }

    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= deepest else { throw error("the text nests deeper than \(deepest) levels", at: position - 1) }
    }

    private mutating func nextElement(closing: UInt8, first: Bool) throws(JSONError) -> Bool {
        skipWhitespace()
        guard position < bytes.count else { throw error("the text ends inside a container") }
        if bytes[position] == closing {
            position += 1
            depth -= 1
            return false
        }
        if first { return true }
        try take(UInt8(ascii: ","), "a comma should separate elements")
        skipWhitespace()
        if position < bytes.count, bytes[position] == closing { throw error("a comma should not end a container") }
        return true
    }

    // MARK: Scalars

    package mutating func readNull() throws(JSONError) { try readWord("null") }

    package mutating func readBool() throws(JSONError) -> Bool {
        skipWhitespace()
        let isTrue = position < bytes.count && bytes[position] == UInt8(ascii: "t")
        try readWord(isTrue ? "true" : "false")
        return isTrue
    }

    private mutating func readWord(_ word: StaticString) throws(JSONError) {
        skipWhitespace()
        guard position + word.utf8CodeUnitCount <= bytes.count,
            (0..<word.utf8CodeUnitCount).allSatisfy({ bytes[position + $0] == word.utf8Start[$0] })
        else { throw error("\(word) should be here") }
        position += word.utf8CodeUnitCount
    }

    /// Reads a number: `.integer` for an integer token in the 64-bit range, else `.number` with its digits.
    package mutating func readNumber() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let start = position
        let isInteger = try skipNumber()
        // Nineteen digits may not fit, and minus zero is no integer.
        if isInteger, position - start < 19, bytes[start] != UInt8(ascii: "-") {
            return .integer(bytes[start..<position].reduce(0) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) })
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isInteger, text != "-0", let value = Int64(text) { return .integer(value) }
        return .number(text)
    }

    /// Steps over a number; returns whether it is an integer token.
    private mutating func skipNumber() throws(JSONError) -> Bool {
        var isInteger = true
        if position < bytes.count, bytes[position] == UInt8(ascii: "-") { position += 1 }
        let firstDigit = position
        let digits = skipDigits()
        guard digits > 0 else { throw error("a digit should be here") }
        if digits > 1, bytes[firstDigit] == UInt8(ascii: "0") { throw error("a number has a leading zero", at: firstDigit) }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            isInteger = false
            position += 1
            guard skipDigits() > 0 else { throw error("a digit should follow the point") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            isInteger = false
            position += 1
            if position < bytes.count, bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") {
                position += 1
            }
            guard skipDigits() > 0 else { throw error("a digit should follow the exponent") }
        }
        return isInteger
    }

    private mutating func skipDigits() -> Int {
        let start = position
        while position < bytes.count, bytes[position] &- UInt8(ascii: "0") <= 9 { position += 1 }
        return position - start
    }

    /// Reads a string, its escapes resolved.
    package mutating func readString() throws(JSONError) -> String {
        try take(UInt8(ascii: "\""), "a string should be here")
        let start = position
        try skipUnescaped()
        if bytes[position] == UInt8(ascii: "\\") { return try readEscapedString(from: start) }
        let text = String(decoding: UnsafeRawBufferPointer(rebasing: bytes[start..<position]), as: UTF8.self)
        position += 1
        return text
    }

    /// Steps over a string, as strictly as if it were read.
    private mutating func skipString() throws(JSONError) {
        try take(UInt8(ascii: "\""), "a string should be here")
        while true {
            try skipUnescaped()
            if bytes[position] == UInt8(ascii: "\"") { break }
            _ = try readEscape()
        }
        position += 1
    }

    /// Steps over the characters of a string up to its closing quote or its next backslash.
    private mutating func skipUnescaped() throws(JSONError) {
        while true {
            var next = position
            while next < bytes.count, Self.isPlain(bytes[next]) { next += 1 }
            position = next
            guard position < bytes.count else { throw error("the text ends inside a string") }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            try skipCharacter(byte)
        }
    }

    /// Whether a byte of a string is a character that stands for itself.
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
    }

    /// The slow path: a string with escapes, whose unescaped head starts at `start` and ends at the first backslash.
    private mutating func readEscapedString(from start: Int) throws(JSONError) -> String {
        var decoded = [UInt8](bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                return String(decoding: decoded, as: UTF8.self)
            case UInt8(ascii: "\\"):
                decoded.append(contentsOf: Array(String(try readEscape()).utf8))
            default:
                let from = position
                try skipCharacter(byte)
                decoded.append(contentsOf: bytes[from..<position])
            }
        }
        throw error("the text ends inside a string")
    }

    private mutating func readEscape() throws(JSONError) -> Unicode.Scalar {
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
    private mutating func skipCharacter(_ lead: UInt8) throws(JSONError) {
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

    // MARK: Any value

    /// Reads whatever comes next as a tree.
    package mutating func readValue() throws(JSONError) -> JSONValue {
        switch try peek() {
        case .null:
            try readNull()
            return .null
        case .boolean: return .bool(try readBool())
        case .number: return try readNumber()
        case .string: return .string(try readString())
        case .array:
            var elements: [JSONValue] = []
            var cursor = try beginArray()
            while try nextElement(&cursor) { elements.append(try readValue()) }
            return .array(elements)
        case .object:
            var members: [(key: String, value: JSONValue)] = []
            var cursor = try beginObject()
            while let key = try nextKey(&cursor) { members.append((key, try readValue())) }
            return .object(JSONObject(uniqueMembers: members))
        }
    }

    /// Steps over whatever comes next, as strictly as if it were read; returns where it stands.
    @discardableResult
    package mutating func skipValue() throws(JSONError) -> Range<Int> {
        let kind = try peek()
        let start = position
        switch kind {
        case .null: try readNull()
        case .boolean: _ = try readBool()
        case .number: _ = try skipNumber()
        case .string: try skipString()
        case .array:
            var cursor = try beginArray()
            while try nextElement(&cursor) { try skipValue() }
        case .object:
            var cursor = try beginObject()
            while try skipKey(&cursor) { try skipValue() }
        }
        return start..<position
    }
}
