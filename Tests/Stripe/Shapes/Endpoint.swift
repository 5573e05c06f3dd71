/// One of Stripe's endpoints, and what it would not take about a request.
internal import JSON

struct Endpoint: Sendable {
    let method: String
    /// What stands for an id is in braces.
    private let path: [Substring]
    /// Says of every parameter what it is, in nested rules.
    private let parameters: JSONValue
    /// `{"object": "price"}`, or `{"list": "price"}` for a page of a list.
    let returns: JSONValue

    private static let all = ReferenceBook.endpoints.map { Endpoint($0.value) }

    private init(_ raw: JSONValue) {
        method = raw["method"]?.stringValue ?? ""
        path = raw["path"]?.stringValue?.split(separator: "/") ?? []
        parameters = ["type": "object", "fields": raw["params"] ?? [:]]
        returns = raw["returns"] ?? .null
    }

    /// The endpoint that takes `request`; of two that could, the one with more of its path in its own words.
    static func of(_ request: SentRequest) -> Endpoint? {
        let ids = { (endpoint: Endpoint) in endpoint.path.count { $0.hasPrefix("{") } }
        return all.filter { $0.isOne(request) }.min { ids($0) < ids($1) }
    }

    private func isOne(_ request: SentRequest) -> Bool {
        request.method == method && request.path.count == path.count
            && zip(path, request.path).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
    }

    /// The name of every parameter, however deep.
    var names: Set<String> { Self.names(in: parameters) }

    private static func names(in rule: JSONValue) -> Set<String> {
        let fields = rule["fields"]?.objectValue ?? [:]
        let parts =
            fields.map(\.value) + [rule["items"], rule["values"]].compactMap(\.self) + (rule["any_of"]?.arrayValue ?? [])
        return parts.reduce(into: Set(fields.keys)) { $0.formUnion(names(in: $1)) }
    }

    /// What Stripe would not take about `request`.
    static func objections(to request: SentRequest) -> [String] {
        guard let endpoint = of(request) else { return ["there is no such endpoint"] }
        let refused = request.expansions.filter { !endpoint.canExpand($0) }
        return objections(to: request.parameters, as: endpoint.parameters, at: "")
            + refused.map { "\($0) cannot be expanded" }
    }

    /// Whether a path of at most four steps ends at what is there, or whole, only where it is asked for.
    private func canExpand(_ path: String) -> Bool {
        let steps = path.split(separator: ".").map(String.init)
        let start: JSONValue? = ["list_of": returns["list"] ?? .null, "ref": returns["object"] ?? .null]
        let end = steps.reduce(start) { place, step in place.flatMap { Self.step(from: $0, to: step) } }
        return steps.count <= 4 && (end?["expandable"] == true || end?["nullable"] == true)
    }

    private static func step(from place: JSONValue, to name: String) -> JSONValue? {
        if let element = place["list_of"]?.stringValue { return name == "data" ? ["ref": .string(element)] : nil }
        guard let type = (place["ref"] ?? place["expands_to"]?[0])?.stringValue else { return place["fields"]?[name] }
        return ReferenceBook.objects[type]?["fields"]?[name]
    }

    private static func objections(to sent: SentParameter, as rule: JSONValue, at name: String) -> [String] {
        if sent == .text("") { return rule["empty_string_unsets"] == true ? [] : ["\(name) cannot be unset"] }
        if let choices = rule["any_of"]?.arrayValue {
            return choices.map { objections(to: sent, as: $0, at: name) }.min { $0.count < $1.count } ?? []
        }
        let inner = { (key: String) in name.isEmpty ? key : "\(name)[\(key)]" }
        switch (rule["type"]?.stringValue, sent) {
        case ("object", .members(let members)):
            let fields = rule["fields"]?.objectValue ?? [:]
            let missing = fields.filter { $0.value["required"] == true && members[$0.key] == nil }
            return missing.map { "\(inner($0.key)) is missing" }
                + members.flatMap { key, value in
                    fields[key].map { objections(to: value, as: $0, at: inner(key)) } ?? ["\(inner(key)) is unknown"]
                }
        case ("array", .members(let members)):
            return members.flatMap { key, value in
                Int(key) == nil
                    ? ["\(inner(key)) is no index"] : objections(to: value, as: rule["items"] ?? .null, at: inner(key))
            }
        case ("map", .members(let members)):
            // An empty text removes the key.
            return members.filter { $0.value != .text("") }
                .flatMap { objections(to: $0.value, as: rule["values"] ?? .null, at: inner($0.key)) }
        case (let type?, .text(let text)):
            return isFine(text, type, rule) ? [] : ["\(name)=\(text) is no \(type) of Stripe's"]
        default: return ["\(name) is nested otherwise"]
        }
    }

    private static func isFine(_ text: String, _ type: String, _ rule: JSONValue) -> Bool {
        switch type {
        case "string": rule["enum"]?.arrayValue?.contains(.string(text)) ?? true
        case "integer": Int64(text) != nil
        case "boolean": text == "true" || text == "false"
        case "number", "decimal_string": Double(text) != nil
        default: false
        }
    }
}
