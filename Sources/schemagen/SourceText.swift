/// Source code being written: lines at a depth of indentation.
struct SourceText {
    private(set) var text = ""
    private var depth = 0
    /// What a line of each depth begins with more than that of the depth before.
    private let indent: String
    /// The columns that `indent` takes.
    private let indentWidth: Int
    /// Columns that a line of prose may have.
    private let width: Int

    init(indent: String = "    ", width: Int = 116) {
        self.indent = indent
        indentWidth = indent == "\t" ? 4 : indent.count
        self.width = width
    }

    mutating func line(_ line: String = "") {
        if !line.isEmpty { text += String(repeating: indent, count: depth) + line }
        text += "\n"
    }

    /// `opening`, what `body` writes one level deeper, and `closing` if it is not empty.
    mutating func block(_ opening: String, _ closing: String = "}", _ body: (inout SourceText) -> Void) {
        line(opening)
        depth += 1
        body(&self)
        depth -= 1
        if !closing.isEmpty { line(closing) }
    }

    /// Takes back the empty lines at the end.
    mutating func trimBlankLines() {
        while text.hasSuffix("\n\n") { text.removeLast() }
    }

    /// A switch statement, its cases at its own depth.
    mutating func choice(_ subject: String, _ body: (inout SourceText) -> Void) {
        line("switch \(subject) {")
        body(&self)
        line("}")
    }

    /// `label body` on one line if there is room, else on two.
    mutating func branch(_ label: String, _ body: String) {
        guard label.count + 1 + body.count > room else { return line("\(label) \(body)") }
        line(label)
        indented { $0.line(body) }
    }

    mutating func indented(_ body: (inout SourceText) -> Void) {
        depth += 1
        body(&self)
        depth -= 1
    }

    /// `prose` in lines that begin with `mark`.
    mutating func prose(_ prose: String, mark: String) {
        for row in wrapped(prose, room: width - depth * indentWidth - mark.count) { line(mark + row) }
    }

    func wrapped(_ prose: String, room: Int) -> [String] {
        var rows: [String] = []
        for word in prose.split(separator: " ") {
            if let last = rows.last, last.count + 1 + word.count <= room {
                rows[rows.count - 1] += " " + word
            } else {
                rows.append(String(word))
            }
        }
        return rows
    }

    /// `items` with commas between them, in lines of at most `room` columns that break between items.
    func rows(of items: [String], room: Int) -> [String] {
        var rows: [String] = []
        for (index, item) in items.enumerated() {
            let next = item + (index + 1 < items.count ? "," : "")
            if let last = rows.last, last.count + 1 + next.count <= room {
                rows[rows.count - 1] += " " + next
            } else {
                rows.append(next)
            }
        }
        return rows
    }

    /// The columns that are left on a line at this depth.
    var room: Int { width - depth * indentWidth }
}
