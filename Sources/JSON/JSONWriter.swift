/// Appends JSON to a buffer. Commas and indentation are the writer's work; balance (`begin` and `end`) and keys before
/// values are the caller's.
package struct JSONWriter {
    /// What is written, in the first `count` places. The rest is room: one growth serves many small pieces.
    private var storage: [UInt8]
    package private(set) var count = 0
    private let pretty: Bool
    private var depth = 0
    /// Whether the next element needs a comma before it.
    private var needsComma = false
    /// Whether a key was just written, so that its value follows on the same line.
    private var afterKey = false

    /// - Parameter capacity: the bytes that are expected; more are possible, at the price of a copy.
    package init(pretty: Bool = false, capacity: Int = 512) {
        self.pretty = pretty
        storage = [UInt8](repeating: 0, count: capacity)
    }

    /// What was written so far, copied.
    package var bytes: [UInt8] { Array(storage[..<count]) }

    /// What was written so far, lent. Unsafe because nothing may be written meanwhile.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        storage.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }

    /// Forgets what was written after the first `length` bytes; the next value begins afresh. A buffer that has grown large
    /// is given back.
    package mutating func cut(to length: Int) {
        count = length
        (depth, needsComma, afterKey) = (0, false, false)
        if length == 0, storage.count > Self.keptBytes { storage = [UInt8](repeating: 0, count: Self.keptBytes) }
    }

    private static let keptBytes = 64 * 1024

    // MARK: Containers

    package mutating func beginObject() { begin(UInt8(ascii: "{")) }
    package mutating func endObject() { end(UInt8(ascii: "}")) }
    package mutating func beginArray() { begin(UInt8(ascii: "[")) }
    package mutating func endArray() { end(UInt8(ascii: "]")) }

    package mutating func key(_ key: String) {
        separate()
        appendQuoted(key)
        append(pretty ? ": " : ":")
        afterKey = true
    }

    /// Writes a key that is known to need no escapes: the contract's own names.
    package mutating func key(plain key: StaticString) {
        separate()
        append(UInt8(ascii: "\""))
        append(key)
        append(pretty ? "\": " : "\":")
        afterKey = true
    }

    private mutating func begin(_ bracket: UInt8) {
        separate()
        append(bracket)
        depth += 1
        needsComma = false
    }

    private mutating func end(_ bracket: UInt8) {
        depth -= 1
        if needsComma { newline() }
        append(bracket)
        needsComma = true
    }

    /// Puts what belongs between the previous element and the next one.
    private mutating func separate() {
        if afterKey {
            afterKey = false
            return
        }
        if needsComma { append(UInt8(ascii: ",")) }
        if depth > 0 { newline() }
        needsComma = true
    }

    private mutating func newline() {
        guard pretty else { return }
        append(UInt8(ascii: "\n"))
        for _ in 0..<depth { append("  ") }
    }

    // MARK: Values

    package mutating func string(_ value: String) {
        separate()
        appendQuoted(value)
        needsComma = true
    }

    /// Writes a string whose bytes are known to need no escapes. Unsafe bytes, so that what is spelled on the stack is
    /// copied once.
    package mutating func string(plain bytes: UnsafeBufferPointer<UInt8>) {
        separate()
        append(UInt8(ascii: "\""))
        append(UnsafeRawBufferPointer(bytes))
        append(UInt8(ascii: "\""))
        needsComma = true
    }

    package mutating func integer(_ value: Int64) { literal(String(value)) }
    package mutating func bool(_ value: Bool) { word(value ? "true" : "false") }
    package mutating func null() { word("null") }

    /// Writes `json`, which the caller knows to be one valid JSON value, as it is.
    package mutating func raw(_ json: some Sequence<UInt8>) { raw(Array(json)) }

    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let flag): bool(flag)
        case .integer(let number): integer(number)
        case .number(let digits): literal(digits)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let object):
            beginObject()
            for (key, member) in object {
                self.key(key)
                self.value(member)
            }
            endObject()
        }
    }

    /// Like `raw(_:)`, for bytes that are at hand as they are.
    package mutating func raw(_ json: [UInt8]) { raw(json.span) }

    package mutating func raw(_ json: Span<UInt8>) { json.withUnsafeBytes { raw($0) } }

    package mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        append(json)
        needsComma = true
    }

    /// Appends what is no value, but stands around whole values; the next value begins afresh.
    package mutating func verbatim(_ text: StaticString) {
        append(text)
        (depth, needsComma, afterKey) = (0, false, false)
    }

    /// Like `verbatim(_:)`, for texts around bytes, with one look at the room there is. Unsafe because it copies bytes: the
    /// room is made before.
    package mutating func verbatim(_ before: StaticString, _ bytes: Span<UInt8>, _ after: StaticString) {
        let more = before.utf8CodeUnitCount + bytes.count + after.utf8CodeUnitCount
        if storage.count - count < more { grow(by: more) }
        storage.withUnsafeMutableBytes { room in
            var place = room.baseAddress! + count  // there is room, so there is a base
            place.copyMemory(from: before.utf8Start, byteCount: before.utf8CodeUnitCount)
            place += before.utf8CodeUnitCount
            bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: place, count: bytes.count).copyMemory(from: $0) }
            place += bytes.count
            place.copyMemory(from: after.utf8Start, byteCount: after.utf8CodeUnitCount)
        }
        count += more
        (depth, needsComma, afterKey) = (0, false, false)
    }

    /// Like `verbatim(_:)`, for bytes.
    package mutating func verbatim(_ bytes: Span<UInt8>) { bytes.withUnsafeBytes { verbatim($0) } }

    package mutating func verbatim(_ bytes: UnsafeRawBufferPointer) {
        append(bytes)
        (depth, needsComma, afterKey) = (0, false, false)
    }

    private mutating func word(_ text: StaticString) {
        separate()
        append(text)
        needsComma = true
    }

    private mutating func literal(_ text: String) { raw(text.utf8) }

    @inline(__always)
    private mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    private mutating func append(_ byte: UInt8) {
        if count == storage.count { grow(by: 1) }
        storage[count] = byte
        count += 1
    }

    /// Unsafe because it copies bytes: there is room for all of `piece`, which lies elsewhere.
    @inline(__always)
    private mutating func append(_ piece: UnsafeRawBufferPointer) {
        guard !piece.isEmpty else { return }
        if storage.count - count < piece.count { grow(by: piece.count) }
        storage.withUnsafeMutableBytes { room in
            UnsafeMutableRawBufferPointer(rebasing: room[count..<(count + piece.count)]).copyMemory(from: piece)
        }
        count += piece.count
    }

    @inline(never)
    private mutating func grow(by more: Int) {
        storage += [UInt8](repeating: 0, count: max(more, storage.count))
    }

    /// Escapes only what RFC 8259 says must be; what lies between is copied whole.
    private mutating func appendQuoted(_ text: String) {
        var text = text
        append(UInt8(ascii: "\""))
        text.withUTF8 { utf8 in
            let utf8 = UnsafeRawBufferPointer(utf8)
            var (copied, offset) = (0, 0)
            while true {
                offset = PlainText.end(in: utf8, from: offset)
                guard offset < utf8.count else { break }
                if Self.mustEscape(utf8[offset]) {
                    append(UnsafeRawBufferPointer(rebasing: utf8[copied..<offset]))
                    appendEscaped(utf8[offset])
                    copied = offset + 1
                }
                offset += 1
            }
            append(UnsafeRawBufferPointer(rebasing: utf8[copied...]))
        }
        append(UInt8(ascii: "\""))
    }

    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func appendEscaped(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): append("\\\"")
        case UInt8(ascii: "\\"): append("\\\\")
        case UInt8(ascii: "\n"): append("\\n")
        case UInt8(ascii: "\r"): append("\\r")
        case UInt8(ascii: "\t"): append("\\t")
        default:
            append("\\u00")
            for digit in [byte >> 4, byte & 15] {
                append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }
}
