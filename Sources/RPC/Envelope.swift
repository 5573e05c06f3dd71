internal import JSON

/// A call as JSON-RPC 2.0 frames it, kept beyond the line that it came in.
package struct RPCRequest: Sendable, Equatable {
    /// The id's JSON text as it was written (`7`, `"a"`, `null`); nil for a notification.
    package var id: [UInt8]?
    package var method: String
    /// The JSON text of the params; nil where there are none.
    package var params: [UInt8]?
}

/// What one line holds (JSON-RPC 2.0, sections 4 and 6). It names places in the line, and copies nothing of it.
enum Envelope {
    case single(Entry)
    case batch([Entry])
    /// Not JSON as PROTOCOL section 2 wants it.
    case unreadable(JSONError)
    /// A batch longer than permitted.
    case tooManyEntries

    enum Entry {
        case call(Call)
        /// Not a call. It is answered with its id where that could be read, else with null.
        case invalid(id: Range<Int>?, problem: String)
    }

    /// Where the parts of a call stand in the line.
    struct Call {
        /// Nil for a notification.
        let id: Range<Int>?
        /// The name with its quotes, escapes and all.
        let method: Range<Int>
        /// Empty where there are none.
        let params: Range<Int>

        /// The method's name as it is meant.
        func name(in line: Span<UInt8>) -> String {
            let text = line.extracting(method)
            return (try? JSONValue(parsing: text.bytes))?.stringValue ?? ""
        }

        /// The call, for as long as it takes.
        func request(in line: Span<UInt8>) -> RPCRequest {
            RPCRequest(
                id: id.map { line.extracting($0).bytes }, method: name(in: line),
                params: params.isEmpty ? nil : line.extracting(params).bytes)
        }
    }

    /// Reads a whole line: strictly, in one pass, without building a tree.
    static func read(_ line: Span<UInt8>, batchLength: Int) -> Envelope {
        var envelope = Envelope.tooManyEntries
        do throws(JSONError) {
            try JSONReader.scan(line) { reader throws(JSONError) in
                envelope = try readEnvelope(&reader, batchLength: batchLength)
                try reader.finish()
            }
            return envelope
        } catch {
            return .unreadable(error)
        }
    }

    private static func readEnvelope(_ reader: inout JSONReader, batchLength: Int) throws(JSONError) -> Envelope {
        guard try reader.peek() == .array else { return .single(try readEntry(&reader)) }
        var entries: [Entry] = []
        var count = 0
        var cursor = try reader.beginArray()
        while try reader.nextElement(&cursor) {
            count += 1
            // The rest is still read: whether the line is JSON at all comes first.
            if count > batchLength { try reader.skipValue() } else { entries.append(try readEntry(&reader)) }
        }
        if count > batchLength { return .tooManyEntries }
        if count == 0 { return .single(.invalid(id: nil, problem: "a batch must hold at least one call")) }
        return .batch(entries)
    }

    private static func readEntry(_ reader: inout JSONReader) throws(JSONError) -> Entry {
        guard try reader.peek() == .object else {
            try reader.skipValue()
            return .invalid(id: nil, problem: "a call must be an object")
        }
        var fields = Fields()
        var cursor = try reader.beginObject()
        while let member = try reader.nextMember(&cursor, among: names) {
            switch member {
            case .known(0): try fields.readVersion(&reader)
            case .known(1): try fields.readID(&reader)
            case .known(2): try fields.readMethod(&reader)
            case .known(3): try fields.readParams(&reader)
            default: try reader.skipValue()
            }
        }
        return fields.entry
    }

    private static let names = JSONNames(["jsonrpc", "id", "method", "params"])

    /// The members of an envelope as far as they were read, and what is wrong with them.
    private struct Fields {
        var id: Range<Int>?
        var method: Range<Int>?
        var params = 0..<0
        var isVersion2 = false
        var problem: String?

        mutating func readVersion(_ reader: inout JSONReader) throws(JSONError) {
            if reader.skip(plain: "\"2.0\"") {
                isVersion2 = true
            } else if try reader.peek() == .string {
                isVersion2 = try reader.readString() == "2.0"
            } else {
                try reader.skipValue()
            }
        }

        mutating func readID(_ reader: inout JSONReader) throws(JSONError) {
            let written = try reader.skipValue()
            switch reader.kind(at: written) {
            case .string, .null: id = written
            // A number with a point or an exponent names the same call as an integer to one client and not to another.
            case .number where reader.allSatisfy(written, Self.isOfInteger): id = written
            default: problem = "id must be a string, an integer or null"
            }
        }

        private static func isOfInteger(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 || byte == UInt8(ascii: "-") }

        mutating func readMethod(_ reader: inout JSONReader) throws(JSONError) {
            let written = try reader.skipValue()
            if reader.kind(at: written) == .string { method = written } else { problem = "method must be a string" }
        }

        mutating func readParams(_ reader: inout JSONReader) throws(JSONError) {
            params = try reader.skipValue()
            let kind = reader.kind(at: params)
            if kind != .object, kind != .array { problem = "params must be an object" }
        }

        var entry: Entry {
            guard isVersion2 else { return .invalid(id: id, problem: "jsonrpc must be \"2.0\"") }
            if let problem { return .invalid(id: id, problem: problem) }
            guard let method else { return .invalid(id: id, problem: "method is missing") }
            return .call(Call(id: id, method: method, params: params))
        }
    }
}

extension Span<UInt8> {
    /// The bytes, copied.
    var bytes: [UInt8] { withUnsafeBufferPointer { Array($0) } }
}
