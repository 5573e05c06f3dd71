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
        StandardOutput.write(styled("  → ", .cyan) + styled(method, .bold) + " \(Self.shortened(params).text)\n")
    }

    func received(_ result: JSONValue) { StandardOutput.write(styled("  ← ", .green) + "\(Self.shortened(result).text)\n") }

    func refused(_ what: String) { StandardOutput.write(styled("  ← ", .red) + "\(what)\n") }

    /// Long texts are cut: a quote or a client secret fills a line and tells a reader nothing.
    private static func shortened(_ value: JSONValue) -> JSONValue {
        switch value {
        case .string(let text) where text.count > 48: .string(text.prefix(40) + "…")
        case .array(let elements): .array(elements.map(shortened))
        case .object(let object): .object(JSONObject(object.map { ($0.key, shortened($0.value)) }))
        default: value
        }
    }
}
