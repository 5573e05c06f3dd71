/// A subcommand of `dues`: what it takes, what its help says, what it does.
struct Command: Sendable {
    let name: String
    /// One line, for the list of commands.
    let summary: String
    /// What follows the flags, such as `METHOD [JSON]`; empty where nothing may.
    var operands = ""
    let flags: [Flag]
    /// Further paragraphs of the help.
    var discussion = ""
    /// Does the work; answers the exit status.
    let run: @Sendable (Arguments) throws(Failure) -> Int32

    /// An option: `--name`, or `--name VALUE` where there is a placeholder.
    struct Flag: Sendable {
        let name: String
        var placeholder: String?
        let help: String
    }

    /// The text of `dues NAME --help`.
    var help: String {
        var text = "dues \(name): \(summary)\n\nUsage: dues \(name)\(flags.isEmpty ? "" : " [FLAGS]")"
        text += operands.isEmpty ? "\n" : " \(operands)\n"
        if !discussion.isEmpty { text += "\n\(discussion)\n" }
        text += "\nFlags:\n"
        for flag in flags + [Flag(name: "help", help: "Show this help.")] {
            let left = "  --\(flag.name)" + (flag.placeholder.map { " \($0)" } ?? "")
            let padding = String(repeating: " ", count: max(1, 30 - left.count))
            text += left + padding + flag.help.replacing("\n", with: "\n" + String(repeating: " ", count: 30)) + "\n"
        }
        return text
    }
}

/// Why a command did not do what it was asked: one sentence for standard error, and an exit status.
struct Failure: Error, CustomStringConvertible {
    let description: String
    let status: Int32

    /// As sysexits.h has it: the command line is wrong.
    static let usageStatus: Int32 = 64

    init(_ description: String, status: Int32 = 1) {
        self.description = description
        self.status = status
    }

    static func usage(_ description: String) -> Failure { Failure(description, status: usageStatus) }
}
