internal import JSON

/// One JSON-RPC request or notification, its envelope checked and its params still bytes.
package struct RPCRequest: Sendable, Equatable {
    /// The id exactly as it was written (`7`, `"a"`, `null`); nil for a notification.
    package var id: [UInt8]?
    package var method: String
    /// The JSON text of the params; nil where there are none.
    package var params: [UInt8]?

    /// The token that rpc.hello bears.
    var authorization: String? { params.flatMap { try? JSONValue(parsing: $0) }?["authorization"]?.stringValue }
}

/// What one line holds (JSON-RPC 2.0, sections 4 and 6).
enum Envelope: Equatable {
    case single(Entry)
    case batch([Entry])
    /// Not JSON as PROTOCOL section 2 wants it.
    case unreadable(JSONError)
    /// A batch longer than permitted.
    case tooManyEntries

    enum Entry: Equatable {
        case request(RPCRequest)
        /// Not a request. It is answered with its id where that could be read, else with null.
        case invalid(id: [UInt8]?, problem: String)
    }

    /// Reads a whole line: strictly, in one pass, without building a tree.
    static func read(_ line: [UInt8], batchLength: Int) -> Envelope {
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
        var id: [UInt8]?
        var method: String?
        var params: [UInt8]?
        var isVersion2 = false
        var problem: String?

        mutating func readVersion(_ reader: inout JSONReader) throws(JSONError) {
            if try reader.peek() == .string {
                isVersion2 = try reader.readString() == "2.0"
            } else {
                try reader.skipValue()
            }
        }

        mutating func readID(_ reader: inout JSONReader) throws(JSONError) {
            let kind = try reader.peek()
            let written = reader.copy(try reader.skipValue())
            // A number with a point or an exponent names the same call as an integer to one client and not to another.
            let isInteger = written.allSatisfy { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
            switch kind {
            case .string, .null: id = written
            case .number where isInteger: id = written
            default: problem = "id must be a string, an integer or null"
            }
        }

        mutating func readMethod(_ reader: inout JSONReader) throws(JSONError) {
            if try reader.peek() == .string {
                method = try reader.readString()
            } else {
                try reader.skipValue()
                problem = "method must be a string"
            }
        }

        mutating func readParams(_ reader: inout JSONReader) throws(JSONError) {
            let kind = try reader.peek()
            params = reader.copy(try reader.skipValue())
            if kind != .object, kind != .array { problem = "params must be an object" }
        }

        var entry: Entry {
            guard isVersion2 else { return .invalid(id: id, problem: "jsonrpc must be \"2.0\"") }
            if let problem { return .invalid(id: id, problem: problem) }
            guard let method else { return .invalid(id: id, problem: "method is missing") }
            return .request(RPCRequest(id: id, method: method, params: params))
        }
    }
}
