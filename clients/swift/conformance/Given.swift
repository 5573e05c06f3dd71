import DuesClient
import JSON

/// What the client's types cannot say.
struct Unsayable: Error {}

/// Params, or a part of them, as they came: with members of these names only.
struct Given {
    private let object: JSONObject

    init(_ json: JSONValue, only names: Set<String>) throws(Unsayable) {
        guard let object = json.objectValue, names.isSuperset(of: object.keys) else { throw Unsayable() }
        self.object = object
    }

    func required<Value: Sayable>(_ name: String) throws(Unsayable) -> Value {
        guard let json = object[name] else { throw Unsayable() }
        return try Value(wire: json)
    }

    func optional<Value: Sayable>(_ name: String) throws(Unsayable) -> Value? {
        object[name] == nil ? nil : try required(name) as Value
    }
}

/// What the client's methods take.
protocol Sayable {
    init(wire: JSONValue) throws(Unsayable)
}

/// What the client itself reads, it reads for its driver too.
extension Sayable where Self: JSONReadable {
    init(wire: JSONValue) throws(Unsayable) {
        guard let value = Self(json: wire) else { throw Unsayable() }
        self = value
    }
}

extension String: Sayable {}
extension Int64: Sayable {}
extension Bool: Sayable {}

extension Dictionary: Sayable where Key == String, Value == String {
    init(wire: JSONValue) throws(Unsayable) {
        guard let object = wire.objectValue else { throw Unsayable() }
        self = [:]
        for (key, value) in object { self[key] = try String(wire: value) }
    }
}

extension Array: Sayable where Element: Sayable {
    init(wire: JSONValue) throws(Unsayable) {
        guard let elements = wire.arrayValue else { throw Unsayable() }
        self = []
        for element in elements { append(try Element(wire: element)) }
    }
}

extension Optional where Wrapped: JSONWritable {
    /// What is not known, or does not exist, said as null.
    var orNull: any JSONWritable { self ?? JSONValue.null }
}

extension JSONValue: JSONWritable {
    var json: JSONValue { self }
}
