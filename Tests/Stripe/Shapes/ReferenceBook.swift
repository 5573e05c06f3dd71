/// Stripe's API as it is described beside the project: its endpoints, and objects made after what they may hold.
internal import Foundation
internal import JSON
internal import TestSupport

enum ReferenceBook {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../../shared/stripe").standardizedFileURL

    /// It is no part of the project.
    static let isThere = FileManager.default.fileExists(atPath: folder.appending(path: "api.json").path)
    static let whereItBelongs = "Stripe's API is not described in \(folder.path)"

    static let endpoints = chapter("endpoints", of: "api.json")
    static let objects = chapter("objects", of: "objects.json")
    /// An object of every type, as Stripe shows it.
    static let examples = chapter("resources", of: "fixtures.json")

    private static func chapter(_ name: String, of file: String) -> JSONObject {
        guard let text = try? Scratch.text(of: folder.appending(path: file).path),
            let chapter = try? JSONValue(parsing: text)[name]?.objectValue
        else { preconditionFailure("\(file) has no \(name)") }
        return chapter
    }

    /// An object with everything in it that one of its type may hold.
    /// - Parameter expanded: whether what can be an id or an object is the object.
    static func specimen(of type: String, expanded: Bool, depth: Int = 2) -> JSONValue {
        let fields = objects[type]?["fields"]?.objectValue ?? ["id": ["type": "string"]]
        return .object(
            JSONObject(fields.map { ($0.key, specimen($0.value, expanded, depth)) } + [("object", .string(type))]))
    }

    private static func specimen(_ rule: JSONValue, _ expanded: Bool, _ depth: Int) -> JSONValue {
        let other = { (type: JSONValue?) -> JSONValue in
            depth > 0 ? specimen(of: type?.stringValue ?? "", expanded: expanded, depth: depth - 1) : ["id": "deep_1"]
        }
        if let choice = rule["any_of"]?[0] { return specimen(choice, expanded, depth) }
        switch rule["type"]?.stringValue {
        case "integer": return 7
        case "boolean": return true
        case "number": return .number("1.5")
        case "decimal_string": return "1.5"
        case "array": return .array([specimen(rule["items"] ?? .null, expanded, depth)])
        case "list": return ["object": "list", "has_more": true, "data": .array([other(rule["list_of"])])]
        // Where a whole object stands in a map, as in an event, it is known by these.
        case "map": return ["id": "any_1", "object": "any"]
        case "object":
            guard let fields = rule["fields"]?.objectValue else { return other(rule["ref"]) }
            return .object(JSONObject(fields.map { ($0.key, specimen($0.value, expanded, depth)) }))
        default:
            if expanded, rule["expandable"] == true { return other(rule["expands_to"]?[0]) }
            return rule["enum"]?[0] ?? "text_1"
        }
    }
}
