/// A request: as a server received it, or as a client is to send it.
package struct HTTPRequest: Sendable, Equatable {
    /// The method in upper case.
    package var method: String
    /// What the request line names: path and query on a server (`/v1/prices?limit=3`), a whole URL for a client.
    package var target: String
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(method: String, target: String, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The target up to its query, still percent-encoded.
    package var path: String { question.map { String(target[..<$0]) } ?? target }

    /// What follows the first `?` of the target, still percent-encoded; empty where there is none.
    package var query: String { question.map { String(target[target.utf8.index(after: $0)...]) } ?? "" }

    private var question: String.Index? { target.utf8.firstIndex(of: UInt8(ascii: "?")) }
}

/// A response.
package struct HTTPResponse: Sendable, Equatable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: [UInt8]

    package init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

extension HTTPRequest: CustomStringConvertible, CustomReflectable {
    /// Without what may be secret: the query, the header and the body.
    package var description: String { "\(method) \(path), \(body.count) bytes" }
    package var customMirror: Mirror { Mirror(self, children: ["request": description]) }
}

extension HTTPResponse: CustomStringConvertible, CustomReflectable {
    /// Without the header and the body.
    package var description: String { "HTTP status \(status), \(body.count) bytes" }
    package var customMirror: Mirror { Mirror(self, children: ["response": description]) }
}

/// Header fields in the order of the wire. Names compare without regard to case (RFC 9110 section 5.1).
package struct HTTPHeaders: Sendable, Equatable, ExpressibleByDictionaryLiteral {
    package private(set) var fields: [Field]

    package struct Field: Sendable, Equatable {
        package let name: String
        package let value: String
    }

    package init(dictionaryLiteral fields: (String, String)...) {
        self.fields = fields.map { Field(name: $0.0, value: $0.1) }
    }

    /// Appends a field, whether or not there is one of that name.
    package mutating func add(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// The value of the first field called `name`. Setting replaces every field of that name; nil removes them.
    package subscript(_ name: String) -> String? {
        get { fields.first { Self.same($0.name, name) }?.value }
        set {
            fields.removeAll { Self.same($0.name, name) }
            if let newValue { add(name, newValue) }
        }
    }

    /// The values of every field called `name`.
    package func values(_ name: String) -> [String] { fields.filter { Self.same($0.name, name) }.map(\.value) }

    private static func same(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count
            && zip(left.utf8, right.utf8).allSatisfy { lowered($0) == lowered($1) }
    }

    private static func lowered(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}
