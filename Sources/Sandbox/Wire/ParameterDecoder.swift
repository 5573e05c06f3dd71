import JSON

/// Checks a form against an endpoint's table and turns it into typed JSON: integers, booleans, lists; null where the
/// empty string cleared. Wording as recorded in Stripe's test mode.
enum ParameterDecoder {
    static func decode(_ form: FormNode, _ parameters: [Parameter]) throws(APIFailure) -> JSONObject {
        var unknown: [String] = []
        collectUnknown(form, parameters, prefix: nil, into: &unknown)
        if let first = unknown.first {
            let plural = unknown.count > 1 ? "s" : ""
            throw .invalid(
                "Received unknown parameter\(plural): \(unknown.joined(separator: ", "))", param: first,
                code: "parameter_unknown")
        }
        return try fields(form, parameters, prefix: nil)
    }

    private static func path(_ name: String, in prefix: String?) -> String { prefix.map { "\($0)[\(name)]" } ?? name }

    // MARK: Unknown names

    private static func collectUnknown(
        _ node: FormNode, _ parameters: [Parameter], prefix: String?, into unknown: inout [String]
    ) {
        for (key, child) in node.children.lazy.map({ ($0.key, $0.node) }) {
            let place = path(key, in: prefix)
            if let parameter = parameters.first(where: { $0.name == key }) {
                collectUnknown(child, parameter.type, place, into: &unknown)
            } else {
                unknown.append(deepest(child, place))
            }
        }
    }

    private static func collectUnknown(
        _ node: FormNode, _ type: ParameterType, _ place: String, into unknown: inout [String]
    ) {
        switch type {
        case .object(let fields), .either(let fields, _):
            collectUnknown(node, fields, prefix: place, into: &unknown)
        case .entries(let fields):
            for child in node.children {
                collectUnknown(child.node, fields, prefix: path(child.key, in: place), into: &unknown)
            }
        case .list(let element):
            for child in node.children {
                collectUnknown(child.node, element, path(child.key, in: place), into: &unknown)
            }
        default: break
        }
    }

    /// Stripe names the whole path of an unknown parameter's first leaf.
    private static func deepest(_ node: FormNode, _ place: String) -> String {
        node.children.first.map { deepest($0.node, path($0.key, in: place)) } ?? place
    }

    // MARK: Values

    private static func fields(
        _ node: FormNode, _ parameters: [Parameter], prefix: String?
    ) throws(APIFailure) -> JSONObject {
        var decoded: JSONObject = [:]
        for parameter in parameters {
            let place = path(parameter.name, in: prefix)
            guard let child = node[parameter.name] else {
                if parameter.isRequired { throw .missing(place) }
                continue
            }
            decoded[parameter.name] = try value(child, parameter, place)
        }
        return decoded
    }

    private static func value(
        _ node: FormNode, _ parameter: Parameter, _ place: String
    ) throws(APIFailure) -> JSONValue {
        if node.value == "", node.children.isEmpty {
            let clears = parameter.isClearable || (!parameter.isRequired && isText(parameter.type))
            guard clears else { throw emptied(place) }
            return .null
        }
        if parameter.name == "currency", let text = node.value, !Currencies.all.contains(text.lowercased()) {
            throw .invalid(
                "Invalid currency: \(text). Stripe currently supports these currencies: "
                    + Currencies.all.joined(separator: ", "), param: place)
        }
        return try value(node, parameter.type, place)
    }

    private static func isText(_ type: ParameterType) -> Bool {
        switch type {
        case .text, .map, .any: true
        default: false
        }
    }

    private static func emptied(_ place: String) -> APIFailure {
        .invalid(
            "You passed an empty string for '\(place)'. We assume empty values are an attempt to unset a parameter; "
                + "however '\(place)' cannot be unset. You should remove '\(place)' from your request or supply a "
                + "non-empty value.", param: place, code: "parameter_invalid_empty")
    }

    private static func value(_ node: FormNode, _ type: ParameterType, _ place: String) throws(APIFailure) -> JSONValue {
        switch type {
        case .object(let parameters):
            guard !node.children.isEmpty else { throw .invalid("Invalid object", param: place) }
            return .object(try fields(node, parameters, prefix: place))
        case .entries(let parameters):
            guard !node.children.isEmpty else { throw .invalid("Invalid object", param: place) }
            var entries: JSONObject = [:]
            for child in node.children {
                entries[child.key] = .object(try fields(child.node, parameters, prefix: path(child.key, in: place)))
            }
            return .object(entries)
        case .either(let parameters, let plain):
            if node.children.isEmpty { return try value(node, plain, place) }
            return .object(try fields(node, parameters, prefix: place))
        case .list(let element): return .array(try elements(node, element, place))
        case .map: return .object(try map(node, place))
        case .any: return json(node)
        case .range where !node.children.isEmpty: return .object(try bounds(node, place))
        default:
            guard let text = node.value else { throw .invalid("Invalid string: \(json(node).text)", param: place) }
            return try scalar(text, type, place)
        }
    }

    private static func scalar(_ text: String, _ type: ParameterType, _ place: String) throws(APIFailure) -> JSONValue {
        switch type {
        case .integer, .range, .time:
            if case .time(let words) = type, words.contains(text) { return .string(text) }
            guard let number = Int64(text), !text.hasPrefix("+") else {
                throw .invalid("Invalid integer: \(text)", param: place, code: "parameter_invalid_integer")
            }
            return .integer(number)
        case .boolean:
            guard text == "true" || text == "false" else { throw .invalid("Invalid boolean: \(text)", param: place) }
            return .bool(text == "true")
        case .number, .decimal:
            guard ExactAmount(decimal: text) != nil else { throw .invalid("Invalid decimal: \(text)", param: place) }
            if case .decimal = type { return .string(text) }
            return .number(text.contains(".") ? text : text + ".0")
        case .choice(let words):
            guard words.contains(text) else { throw outside(words, place) }
            return .string(text)
        default: return .string(text)
        }
    }

    private static func outside(_ words: [String], _ place: String) -> APIFailure {
        let name = place.split(separator: "[").last.map { String($0.filter { $0 != "]" }) } ?? place
        let listed =
            words.count > 2
            ? words.dropLast().joined(separator: ", ") + ", or " + (words.last ?? "")
            : words.joined(separator: " or ")
        return .invalid("Invalid \(name): must be one of \(listed)", param: place)
    }

    private static func elements(
        _ node: FormNode, _ type: ParameterType, _ place: String
    ) throws(APIFailure) -> [JSONValue] {
        guard !node.children.isEmpty else { throw .invalid("Invalid array", param: place) }
        var elements: [JSONValue] = []
        for child in node.children {
            elements.append(try value(child.node, type, path(child.key, in: place)))
        }
        return elements
    }

    static let mostMetadataKeys = 50

    /// Metadata and its like: text by free key; the limits are those of Stripe's documentation.
    private static func map(_ node: FormNode, _ place: String) throws(APIFailure) -> JSONObject {
        guard !node.children.isEmpty else { throw .invalid("Invalid object", param: place) }
        guard node.children.count <= mostMetadataKeys else { throw .tooMuchMetadata(place) }
        var entries: JSONObject = [:]
        for (key, child) in node.children.lazy.map({ ($0.key, $0.node) }) {
            let place = path(key, in: place)
            guard let text = child.value else { throw .invalid("Invalid string: \(json(child).text)", param: place) }
            guard key.count <= 40 else {
                throw .invalid("Metadata keys can have up to 40 characters; `\(key)` is longer.", param: place)
            }
            guard text.count <= 500 else {
                throw .invalid(
                    "Metadata values can have up to 500 characters, but you passed in a value that is "
                        + "\(text.count) characters.", param: place)
            }
            entries[key] = .string(text)
        }
        return entries
    }

    private static func bounds(_ node: FormNode, _ place: String) throws(APIFailure) -> JSONObject {
        var bounds: JSONObject = [:]
        for (key, child) in node.children.lazy.map({ ($0.key, $0.node) }) {
            let place = path(key, in: place)
            guard ["gt", "gte", "lt", "lte"].contains(key) else {
                throw .invalid("Received unknown parameter: \(place)", param: place, code: "parameter_unknown")
            }
            bounds[key] = try value(child, .integer, place)
        }
        return bounds
    }

    /// A subtree that the sandbox does not look into, as text values in objects.
    private static func json(_ node: FormNode) -> JSONValue {
        if node.children.isEmpty { return .string(node.value ?? "") }
        return .object(JSONObject(node.children.map { ($0.key, json($0.node)) }))
    }
}
