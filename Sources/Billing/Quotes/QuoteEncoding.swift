/// A quote's terms as bytes to be signed: equal terms are equal bytes, and different terms different ones.
///
/// A magic word and a version, then every field in a fixed order: integers as eight bytes, texts after their length in
/// four, a byte before what may be absent, a count before the items (big-endian throughout). There is one way to write
/// each value, and `decode` takes no other, so that a signature over the bytes is one over the terms.
extension QuoteTerms {
    /// Bumped whenever a field is added or its meaning changes: a quote lives for minutes, old ones need no reader.
    package static let encodingVersion: UInt8 = 2

    /// The most bytes that `decode` looks at; ten items need less than 2 KiB.
    package static let maximumEncodedBytes = 65_536

    package var encoded: [UInt8] {
        var writer = QuoteWriter()
        writer.bytes = QuoteWriter.magic + [Self.encodingVersion]
        writer.text(subscriptionID)
        writer.integer(Int64(items.count))
        for item in items {
            writer.optional(item.itemID) { $0.text($1) }
            writer.optional(item.priceID) { $0.text($1) }
            writer.optional(item.quantity) { $0.integer($1) }
            writer.flag(item.deleted)
        }
        writer.text(prorationBehavior)
        writer.flag(isAtPeriodEnd)
        writer.optional(prorationDate) { $0.integer($1) }
        writer.integer(amountDueNow)
        writer.integer(credit)
        writer.text(currency)
        writer.optional(nextRenewalAmount) { $0.integer($1) }
        writer.integer(issuedAt)
        writer.integer(validUntil)
        return writer.bytes
    }

    package static func decode(_ bytes: some Collection<UInt8>) throws(QuoteDecodingError) -> QuoteTerms {
        guard bytes.count <= maximumEncodedBytes else { throw .malformed }
        var reader = QuoteReader(bytes: Array(bytes))
        guard try reader.take(QuoteWriter.magic.count).elementsEqual(QuoteWriter.magic) else { throw .malformed }
        let version = try reader.byte()
        guard version == encodingVersion else { throw .unknownVersion(version) }
        let subscriptionID = try reader.text()
        var items: [Item] = []
        for _ in 0..<(try reader.count()) {
            items.append(
                Item(
                    itemID: try reader.flag() ? reader.text() : nil, priceID: try reader.flag() ? reader.text() : nil,
                    quantity: try reader.flag() ? reader.integer() : nil, deleted: try reader.flag()))
        }
        let terms = QuoteTerms(
            subscriptionID: subscriptionID, items: items, prorationBehavior: try reader.text(),
            isAtPeriodEnd: try reader.flag(), prorationDate: try reader.flag() ? reader.integer() : nil, amountDueNow: try reader.integer(),
            credit: try reader.integer(), currency: try reader.text(),
            nextRenewalAmount: try reader.flag() ? reader.integer() : nil, issuedAt: try reader.integer(),
            validUntil: try reader.integer())
        guard reader.isAtEnd else { throw .malformed }
        return terms
    }
}

package enum QuoteDecodingError: Error, Sendable, Equatable {
    /// Not bytes that `encoded` could have written.
    case malformed
    case unknownVersion(UInt8)
}

private struct QuoteWriter {
    static let magic = Array("dues quote\0".utf8)

    var bytes: [UInt8] = []

    mutating func integer(_ value: Int64) {
        let pattern = UInt64(bitPattern: value)
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: pattern >> shift)) }
    }

    mutating func text(_ text: String) {
        let count = UInt32(clamping: text.utf8.count)
        for shift in stride(from: 24, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        bytes += text.utf8
    }

    mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

    mutating func optional<Value>(_ value: Value?, _ write: (inout QuoteWriter, Value) -> Void) {
        flag(value != nil)
        if let value { write(&self, value) }
    }
}

private struct QuoteReader {
    let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ count: Int) throws(QuoteDecodingError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .malformed }
        defer { position += count }
        return bytes[position..<(position + count)]
    }

    mutating func byte() throws(QuoteDecodingError) -> UInt8 {
        guard let byte = try take(1).first else { throw .malformed }
        return byte
    }

    mutating func integer() throws(QuoteDecodingError) -> Int64 {
        Int64(bitPattern: try take(8).reduce(0) { $0 << 8 | UInt64($1) })
    }

    mutating func flag() throws(QuoteDecodingError) -> Bool {
        let byte = try byte()
        guard byte <= 1 else { throw .malformed }
        return byte == 1
    }

    /// Bounded by what is there: every item takes at least four bytes.
    mutating func count() throws(QuoteDecodingError) -> Int64 {
        let count = try integer()
        guard (0...Int64(bytes.count / 4)).contains(count) else { throw .malformed }
        return count
    }

    mutating func text() throws(QuoteDecodingError) -> String {
        let count = try take(4).reduce(0) { $0 << 8 | Int($1) }
        guard let text = String(validating: try take(count), as: UTF8.self) else { throw .malformed }
        return text
    }
}
