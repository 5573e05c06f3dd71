internal import EventLoop
internal import Foundation
internal import JSON
internal import Transcripts

extension Command {
    /// `dues replay`: transcripts against a server.
    static let replay = Command(
        name: "replay", summary: "Play transcripts against a server, and compare what comes back.",
        operands: "FILE…",
        flags: [
            Flag(name: "tcp", placeholder: "HOST:PORT", help: "The server (127.0.0.1:7171)."),
            Flag(name: "tls-ca", placeholder: "FILE", help: "Speak TLS, and trust the authorities of FILE."),
            Flag(name: "unix", placeholder: "PATH", help: "The server's Unix socket, instead."),
            Flag(
                name: "stdio", placeholder: "COMMAND",
                help: "A command that serves on its standard streams, instead;\nstarted for each transcript."),
            Flag(name: "set", placeholder: "NAME=VALUE", help: "What ${NAME} stands for. May be repeated."),
            Flag(name: "set-file", placeholder: "NAME=FILE", help: "The same, read from the first line of FILE."),
            Flag(name: "have", placeholder: "WORDS", help: "What transcripts may need, separated by commas."),
            Flag(name: "parallel", placeholder: "N", help: "Transcripts at the same time, each on its connection (1)."),
            Flag(name: "junit", placeholder: "FILE", help: "Write the results as JUnit's XML too."),
            Flag(
                name: "update",
                help: "Make expectations that do not hold as what comes.\nRead the change before you keep it."),
        ],
        discussion: """
            A transcript is a file of JSON lines; a folder stands for the .jsonl files in it.
              {"transcript":{"title":"A customer signs up","needs":["sandbox"]}}
              {"send":{"jsonrpc":"2.0","id":1,"method":"CreateCustomer","params":{"email":"ada@example.com"}}}
              {"expect":{"jsonrpc":"2.0","id":1,"result":{"customerId":{"$prefix":"cus_","$capture":"customer"},"customer":{"$type":"object"}}}}
              {"step":{"post":"${sandbox}/sandbox/clock/advance","form":{"seconds":3600,"key":"sk_test_any"}}}
            send        a message, or a string: a line as it is. ${customer} stands for what was captured or set,
                        ${unique} for a text that is another each time.
            expect      a message that is to come, answers in any order: the same members and values, but for matchers:
                        $any, $type, $prefix, $pattern, $oneOf, $partial, $unordered, $each, $absent, $literal, $capture.
                        Beside it "eventually":true makes the call again until it holds, "withinMs" says how long.
            step        an HTTP request: get, post, put, patch or delete with a URL; form or json, headers,
                        expect {status, body}, eventually, withinMs.
            end         nothing more is sent.  expectEnd: the server closes the connection.
            comment     nothing; nor do empty lines, and those that begin with #.
            The exit status is 0 when every transcript came true, 1 when one did not.
            """
    ) { arguments throws(Failure) in
        let paths = try transcriptPaths(arguments.operands)
        var replay = Replay(
            try target(arguments), variables: try variables(arguments),
            available: Set((arguments.value("have") ?? "").split(separator: ",").map(String.init)))
        replay.concurrency = try arguments.integer("parallel", in: 1...1000) ?? 1
        replay.isUpdating = arguments.has("update")
        var transcripts: [Transcript] = []
        for path in paths { transcripts.append(try read(path)) }
        let outcomes: [Replay.Outcome]
        do throws(SystemError) {
            outcomes = try replay.run(transcripts) { StandardOutput.write(ReplayReport.text($0)) }
        } catch {
            throw Failure("\(error)")
        }
        if replay.isUpdating {
            for (path, outcome) in zip(paths, outcomes) where outcome.transcript.text != text(of: path) {
                try write(outcome.transcript.text, to: path)
                StandardOutput.write("updated \(path)\n")
            }
        }
        if let path = arguments.value("junit") { try write(ReplayReport.junit(outcomes), to: path) }
        StandardOutput.write(ReplayReport.summary(outcomes))
        return ReplayReport.failures(outcomes) == 0 ? 0 : 1
    }

    // MARK: Files

    /// The files that `operands` name: those in a folder in the order of their names.
    private static func transcriptPaths(_ operands: [String]) throws(Failure) -> [String] {
        guard !operands.isEmpty else { throw .usage("dues replay FILE…; dues replay --help says what a file holds") }
        return operands.flatMap { operand in
            var isFolder: ObjCBool = false
            guard FileManager.default.fileExists(atPath: operand, isDirectory: &isFolder), isFolder.boolValue else {
                return [operand]
            }
            let names = (try? FileManager.default.subpathsOfDirectory(atPath: operand)) ?? []
            return names.filter { $0.hasSuffix(".jsonl") }.sorted().map { "\(operand)/\($0)" }
        }
    }

    private static func text(of path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }

    private static func read(_ path: String) throws(Failure) -> Transcript {
        guard let text = text(of: path) else { throw Failure("\(path) cannot be read, or is not UTF-8", status: 66) }
        do throws(TranscriptError) {
            return try Transcript(name: path, text: text)
        } catch {
            throw Failure("\(error)", status: 65)
        }
    }

    private static func write(_ text: String, to path: String) throws(Failure) {
        do {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw Failure("\(path) cannot be written: \(error.localizedDescription)", status: 73)
        }
    }

    // MARK: Flags

    private static func target(_ arguments: Arguments) throws(Failure) -> ReplayTarget {
        let given = ["tcp", "unix", "stdio"].filter(arguments.has)
        guard given.count <= 1 else {
            throw .usage("--\(given.joined(separator: " and --")) name different servers: give one")
        }
        if let command = arguments.value("stdio") { return .stdio(command: command) }
        if let path = arguments.value("unix") { return .unix(path: path) }
        let address = try arguments.address("tcp") ?? ServerConfiguration.defaultTCP
        guard let authorities = arguments.value("tls-ca") else { return .tcp(address, nil) }
        do throws(TLSError) {
            return .tcp(address, try TLSContext.client(authoritiesFile: authorities))
        } catch {
            throw Failure("\(error)")
        }
    }

    private static func variables(_ arguments: Arguments) throws(Failure) -> Variables {
        var variables = Variables()
        for (flag, isFile) in [("set", false), ("set-file", true)] {
            for word in arguments.values(flag) {
                let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
                guard parts.count == 2, !parts[0].isEmpty else {
                    throw .usage("--\(flag) must be NAME=\(isFile ? "FILE" : "VALUE")")
                }
                guard isFile else {
                    variables[parts[0]] = .string(parts[1])
                    continue
                }
                guard let text = text(of: parts[1]) else { throw Failure("\(parts[1]) cannot be read", status: 66) }
                variables[parts[0]] = .string(String(text.prefix { !$0.isNewline }))
            }
        }
        return variables
    }
}
