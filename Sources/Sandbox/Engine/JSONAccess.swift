import JSON

/// Short ways to read and write the members of Stripe objects, which the engine keeps as `JSONObject`.
extension JSONObject {
    func string(_ key: String) -> String? { self[key]?.stringValue }
    func integer(_ key: String) -> Int64? { self[key]?.integerValue }
    /// The boolean `key`; a missing member counts as false.
    func flag(_ key: String) -> Bool { self[key]?.boolValue ?? false }
    func object(_ key: String) -> JSONObject { self[key]?.objectValue ?? [:] }
    func array(_ key: String) -> [JSONValue] { self[key]?.arrayValue ?? [] }
    func has(_ key: String) -> Bool { self[key] != nil }

    /// The object's id; every object of the store has one.
    var id: String { string("id") ?? "" }

    /// Sets the member at `path`, making the objects on the way.
    mutating func set(_ path: String..., to value: JSONValue) { set(path[...], value) }

    private mutating func set(_ path: ArraySlice<String>, _ value: JSONValue) {
        guard let first = path.first else { return }
        guard path.count > 1 else {
            self[first] = value
            return
        }
        var inner = object(first)
        inner.set(path.dropFirst(), value)
        self[first] = .object(inner)
    }

    /// Copies the members `keys` of `source` that are there; a null clears.
    mutating func copy(_ keys: [String], from source: JSONObject) {
        for key in keys { if let value = source[key] { self[key] = value } }
    }

    /// The object without the members whose names begin with an underscore, which are the sandbox's own.
    var withoutHidden: JSONObject { removing { $0.utf8.first == UInt8(ascii: "_") } }
}

extension JSONValue {
    static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }
    static func optional(_ number: Int64?) -> JSONValue { number.map(JSONValue.integer) ?? .null }

    /// The id of what a reference names, expanded or not.
    var referenceID: String? { stringValue ?? self["id"]?.stringValue }
}
