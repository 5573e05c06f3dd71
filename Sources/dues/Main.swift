internal import EventLoop
internal import Glibc

/// The program: one word picks the command, and the command does the rest.
@main enum Dues {
    static let version = "0.1.0"

    static let commands: [Command] = [
        .serve, .stdio, .sandbox, .call, .reconcile, .rebuild, .backup, .schema, .record, .replay, .tour,
    ]

    static func main() {
        // What is kept here (what customers pay, the key of the quotes) is for its owner alone.
        umask(0o077)
        signal(SIGPIPE, SIG_IGN)
        StandardStreams.fillGaps()
        var words = CommandLine.arguments.dropFirst()
        do throws(Failure) {
            exit(try run(&words))
        } catch {
            StandardError.write("dues: \(error)\n")
            exit(error.status)
        }
    }

    private static func run(_ words: inout ArraySlice<String>) throws(Failure) -> Int32 {
        guard let name = words.popFirst() else {
            StandardError.write(help)
            return Failure.usageStatus
        }
        switch name {
        case "--help", "-h", "help":
            StandardOutput.write(help)
            return 0
        case "--version":
            StandardOutput.write("dues \(version)\n")
            return 0
        default: break
        }
        guard let command = commands.first(where: { $0.name == name }) else {
            throw .usage("there is no command \"\(name)\"; dues --help lists them")
        }
        let arguments = try Arguments(words, for: command)
        if arguments.isHelp {
            StandardOutput.write(command.help)
            return 0
        }
        return try command.run(arguments)
    }

    private static var help: String {
        var text = """
            dues \(version): subscription billing over Stripe, as JSON-RPC 2.0 lines on TCP and stdio

            Usage: dues COMMAND [FLAGS]

            Commands:

            """
        for command in commands {
            text += "  \(command.name)\(String(repeating: " ", count: 10 - command.name.count))\(command.summary)\n"
        }
        return text + """

              dues COMMAND --help     what a command takes
              dues --version          the version

            """
    }
}
