internal import Glibc
internal import JSON

/// What the tour shows a person: chapters, calls and answers, in colour where the terminal wants it.
struct Screen {
    private let isColoured: Bool

    /// Colour on a terminal, unless `NO_COLOR` is set (https://no-color.org); elsewhere where `CLICOLOR_FORCE` is.
    init() {
        let isSet = { (name: String) in getenv(name).map { $0.pointee != 0 } ?? false }
        isColoured = isSet("CLICOLOR_FORCE") || (isatty(1) == 1 && !isSet("NO_COLOR"))
    }

    private enum Style: String {
        case bold = "1"
        case dim = "2"
        case green = "32"
        case red = "31"
        case cyan = "36"
    }

    private func styled(_ text: String, _ style: Style) -> String {
        isColoured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    func chapter(_ title: String) { StandardOutput.write("\n" + styled(title, .bold) + "\n") }

    func remark(_ text: String) { StandardOutput.write(styled(text, .dim) + "\n") }

    func plain(_ text: String) { StandardOutput.write(text + "\n") }

    func sent(_ method: String, _ params: JSONValue) {
        let text = Self.pruned(params, depth: 2).text
        StandardOutput.write(styled("  → ", .cyan) + styled(method, .bold) + (text == "{}" ? "" : " \(text)") + "\n")
    }

    func received(_ result: JSONValue) {
        let lines = Self.pruned(result, depth: 3).prettyText.split(separator: "\n")
        for (number, line) in lines.enumerated() {
            StandardOutput.write(styled(number == 0 ? "  ← " : "    ", .green) + coloured(line) + "\n")
        }
    }

    func refused(_ what: String) { StandardOutput.write(styled("  ← ", .red) + "\(what)\n") }

    /// A line of indented JSON with its key set apart from its value.
    private func coloured(_ line: Substring) -> String {
        guard let colon = line.firstRange(of: "\": ") else { return String(line) }
        return styled(String(line[...colon.lowerBound]), .dim) + line[line.index(after: colon.lowerBound)...]
    }

    /// What a reader wants to see of a message: nothing that is null, nothing deep inside, and long texts cut, for a quote or
    /// a client secret fills a line and tells nothing.
    private static func pruned(_ value: JSONValue, depth: Int) -> JSONValue {
        switch value {
        case .string(let text) where text.count > 56: return .string(text.prefix(48) + "…")
        case .array(let elements): return .array(elements.map { pruned($0, depth: depth - 1) })
        case .object(let object):
            let members = object.filter { $0.value != .null && $0.value != [:] && $0.value != [] }
            if depth <= 0, let id = object["id"] { return id }
            if depth <= 0, !members.isEmpty { return "…" }
            return .object(JSONObject(members.map { ($0.key, pruned($0.value, depth: depth - 1)) }))
        default: return value
        }
    }
}
