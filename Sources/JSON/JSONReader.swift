/// A cursor over strict JSON bytes: RFC 8259, and beyond it no duplicate keys, no lone surrogates, valid UTF-8, bounded
/// nesting. Values are pulled one by one, so that a decoder can read a message in one pass without building a tree.
///
/// The bytes are borrowed: a reader lives inside `JSONReader.read`.
package struct JSONReader {
    /// Levels of nesting that a text may have.
    package static let maximumDepth = 64

    /// Unsafe because bytes are scanned here: valid for the duration of `read`'s body, which makes the reader.
    let bytes: UnsafeRawBufferPointer
    private let deepest: Int
    private var depth = 0
    /// Offset of the next unread byte.
    package internal(set) var position: Int

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
        _ bytes: Span<UInt8>, _ body: (inout JSONReader) throws(JSONError) -> Void
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
    @inline(__always)
    package mutating func peek() throws(JSONError) -> JSONKind {
        skipWhitespace()
        guard position < bytes.count else { throw error("the text ends where a value should be") }
        guard let kind = Self.kind(startingWith: bytes[position]) else {
            throw error("a value cannot start with this byte")
        }
        return kind
    }

    /// The kind of the value that stands at `range`.
    package func kind(at range: Range<Int>) -> JSONKind? { Self.kind(startingWith: bytes[range.lowerBound]) }

    @inline(__always)
    private static func kind(startingWith byte: UInt8) -> JSONKind? {
        switch byte {
        case UInt8(ascii: "{"): .object
        case UInt8(ascii: "["): .array
        case UInt8(ascii: "\""): .string
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .boolean
        case UInt8(ascii: "n"): .null
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
        default: nil
        }
    }

    /// Requires that nothing but white space is left.
    package mutating func finish() throws(JSONError) {
        skipWhitespace()
        guard position == bytes.count else { throw error("there is more after the value") }
    }

    /// The bytes of `range`, copied.
    package func copy(_ range: Range<Int>) -> [UInt8] { Array(bytes[range]) }

    /// Whether every byte of `range` is one that `isWanted`.
    package func allSatisfy(_ range: Range<Int>, _ isWanted: (UInt8) -> Bool) -> Bool {
        bytes[range].allSatisfy(isWanted)
    }

    @inline(never)
    func error(_ problem: String, at offset: Int? = nil) -> JSONError {
        JSONError(offset: offset ?? position, problem: problem)
    }

    /// Most texts have no white space where it may be: one comparison finds that out.
    @inline(__always)
    private mutating func skipWhitespace() {
        if position < bytes.count, bytes[position] <= 0x20 { skipWhitespaceThatIsThere() }
    }

    @inline(never)
    private mutating func skipWhitespaceThatIsThere() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    @inline(__always)
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
        if let found = names.index(quotedIn: bytes, at: start + 1, guess: cursor.guess) {
            position = start + 2 + names[found].utf8CodeUnitCount
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

    /// Where the string ends that is here and is plain ASCII; nil where there is none.
    @inline(__always)
    private func endOfPlainString() -> Int? {
        guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else { return nil }
        return endOfPlainKey(from: position + 1).map { $0 + 1 }
    }

    /// Where the closing quote of a key of plain ASCII stands; nil where the key needs decoding.
    @inline(__always)
    private func endOfPlainKey(from start: Int) -> Int? {
        let end = endOfPlain(from: start)
        return end < bytes.count && bytes[end] == UInt8(ascii: "\"") ? end : nil
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

    @inline(__always)
    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= deepest else { throw error("the text nests deeper than \(deepest) levels", at: position - 1) }
    }

    @inline(__always)
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
            position = endOfPlain(from: position)
            guard position < bytes.count else { throw error("the text ends inside a string") }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            try skipCharacter(byte)
        }
    }

    @inline(__always)
    private func endOfPlain(from start: Int) -> Int { PlainText.end(in: bytes, from: start) }

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

    /// Steps over `text`, a whole value, if it is what comes next, as it is written there.
    package mutating func skip(plain text: StaticString) -> Bool {
        skipWhitespace()
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count else { return false }
        for offset in 0..<text.utf8CodeUnitCount where bytes[position + offset] != text.utf8Start[offset] { return false }
        position = end
        return true
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
            var members: [JSONObject.Member] = []
            var cursor = try beginObject()
            while let key = try nextKey(&cursor) { members.append(JSONObject.Member(key, try readValue())) }
            return .object(JSONObject(uniqueMembers: members))
        }
    }

    /// Steps over whatever comes next, as strictly as if it were read; returns where it stands.
    @discardableResult
    package mutating func skipValue() throws(JSONError) -> Range<Int> {
        skipWhitespace()
        let start = position
        if let end = endOfPlainString() {
            position = end
            return start..<end
        }
        switch try peek() {
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
