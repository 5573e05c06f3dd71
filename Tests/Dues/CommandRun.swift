import RPC
import TestSupport

/// A command of the real binary, from its start to its end.
struct CommandRun {
    let status: Int32?
    let output: String
    let errors: String

    /// Standard error goes through a file, as a shell would redirect it.
    init(_ words: [String], input: String = "", environment: [String: String] = [:]) throws {
        let path = try Scratch.directory() + "/errors"
        let command = "exec \"$0\" \"$@\" 2>\(path)"
        let child = try ChildProcess(
            ["/bin/sh", "-c", command, DuesProcess.binary] + words, environment: environment)
        try child.channel.sendRaw(Array(input.utf8))
        child.channel.finishSending()
        var lines: [String] = []
        while let line = try child.channel.receive(timeoutMilliseconds: 20_000) {
            lines.append(String(decoding: line, as: UTF8.self))
        }
        status = child.wait(timeoutMilliseconds: 20_000)
        output = lines.joined(separator: "\n")
        errors = try Scratch.text(of: path)
    }
}
