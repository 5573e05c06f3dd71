internal import EventLoop

/// The flags and operands that a command was given, checked against what it takes.
struct Arguments: Sendable {
    private var values: [String: [String]] = [:]
    private(set) var operands: [String] = []
    let isHelp: Bool

    /// Reads `words` as flags of `command` (`--name value` or `--name=value`) and operands; after `--` all are operands.
    init(_ words: ArraySlice<String>, for command: Command) throws(Failure) {
        var rest = words
        var help = false
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                break
            }
            guard word.hasPrefix("--") else {
                if word == "-h" { help = true } else { operands.append(word) }
                continue
            }
            let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            if name == "help" {
                help = true
                continue
            }
            guard let flag = command.flags.first(where: { $0.name == name }) else {
                throw .usage("dues \(command.name) has no flag --\(name); dues \(command.name) --help lists them")
            }
            if flag.placeholder == nil {
                guard parts.count == 1 else { throw .usage("--\(name) takes no value") }
                values[name, default: []].append("")
            } else {
                guard let value = parts.count == 2 ? String(parts[1]) : rest.popFirst() else {
                    throw .usage("--\(name) needs a value: \(flag.placeholder ?? "")")
                }
                values[name, default: []].append(value)
            }
        }
        isHelp = help
        if command.operands.isEmpty, let first = operands.first, !help {
            throw .usage("dues \(command.name) takes no operand, got \"\(first)\"")
        }
    }

    func has(_ flag: String) -> Bool { values[flag] != nil }

    /// The last value of a flag that was given.
    func value(_ flag: String) -> String? { values[flag]?.last }

    /// Every value of a flag, in the order in which they were given.
    func values(_ flag: String) -> [String] { values[flag] ?? [] }

    func address(_ flag: String) throws(Failure) -> SocketAddress? {
        guard let text = value(flag) else { return nil }
        guard let address = SocketAddress(text) else {
            throw .usage("--\(flag) must be HOST:PORT with a port from 0 to 65535, got \"\(text)\"")
        }
        return address
    }

    func integer(_ flag: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = value(flag) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .usage("--\(flag) must be an integer from \(range.lowerBound) to \(range.upperBound), got \"\(text)\"")
        }
        return number
    }

    /// What was given of `flags`, as words for another command line; with `log` where no level was given.
    func words(of flags: [Command.Flag], log: String) -> [String] {
        var words = has("log") ? [] : ["--log", log]
        for flag in flags {
            for value in values[flag.name] ?? [] {
                words += flag.placeholder == nil ? ["--\(flag.name)"] : ["--\(flag.name)", value]
            }
        }
        return words
    }
}
