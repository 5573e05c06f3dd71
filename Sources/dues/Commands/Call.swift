internal import Contract
internal import EventLoop
internal import Glibc
internal import JSON
internal import RPC

extension Command {
    /// `dues call`: one call from a shell.
    static let call = Command(
        name: "call", summary: "Make one call and print its result.", operands: "METHOD [JSON]",
        flags: [
            Flag(name: "timeout", placeholder: "MS", help: "The call's deadline, in milliseconds."),
            Flag(name: "idempotency-key", placeholder: "KEY", help: "Make the call once, however often it is sent."),
        ] + serverFlags,
        discussion: """
            JSON is the params, an object; - reads it from standard input, and without it they are empty.
              dues call ListPlans
              dues call CreateCustomer '{"email":"ada@example.com"}'
            The result goes to standard output as indented JSON, the values of a stream before it, a line each:
              dues call WatchEvents '{"types":["customer.subscription.*"]}'
            A failure goes to standard error, and the exit status is its
            gRPC status: 1 CANCELLED, 3 INVALID_ARGUMENT, 4 DEADLINE_EXCEEDED, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED,
            8 RESOURCE_EXHAUSTED, 9 FAILED_PRECONDITION, 10 ABORTED, 11 OUT_OF_RANGE, 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE,
            15 DATA_LOSS, 16 UNAUTHENTICATED.
            """
    ) { arguments throws(Failure) in
        guard let method = arguments.operands.first, arguments.operands.count <= 2 else {
            throw .usage("dues call METHOD [JSON]; dues schema lists the methods")
        }
        let params = try callParams(arguments)
        let client = try connect(arguments)
        do throws(RPCError) {
            let result = try client.call(method, params) { value in
                // Whoever reads has enough (head, for one), and the server sees that nobody listens.
                if !StandardOutput.write(value.text + "\n") { exit(0) }
            }
            client.close()
            StandardOutput.write(result.prettyText + "\n")
            return 0
        } catch {
            client.close()
            StandardError.write(describe(error))
            return Int32(error.status.grpcNumber)
        }
    }

    /// How a server is reached, or started.
    static let serverFlags =
        [
            Flag(name: "tcp", placeholder: "HOST:PORT", help: "The server (127.0.0.1:7171)."),
            Flag(name: "unix", placeholder: "PATH", help: "The server's Unix socket, instead."),
            Flag(
                name: "token-file", placeholder: "FILE", help: "A file that holds the token, where the server asks for one."
            ),
            Flag(name: "stdio", help: "Start a server for this, with the flags below."),
        ] + ServerConfiguration.flags.filter { $0.name != "unix" }

    /// The token with which a server is called, where there is one.
    static func authorization(_ arguments: Arguments) throws(Failure) -> JSONValue? {
        guard let path = arguments.value("token-file") else { return nil }
        return .string("Bearer " + (try Tokens.readToken(path)))
    }

    private static func callParams(_ arguments: Arguments) throws(Failure) -> JSONValue {
        var text = arguments.operands.count == 2 ? arguments.operands[1] : "{}"
        if text == "-" {
            text = ""
            while let line = readLine(strippingNewline: false) { text += line }
        }
        let params: JSONValue
        do throws(JSONError) {
            params = try JSONValue(parsing: text)
        } catch {
            throw .usage("the params are not valid JSON: \(error)")
        }
        guard case .object(var object) = params else { return params }
        var metadata = object["_meta"]?.objectValue ?? [:]
        if let timeout = try arguments.integer("timeout", in: 1...600_000) {
            metadata["timeoutMs"] = .integer(Int64(timeout))
        }
        if let authorization = try authorization(arguments) { metadata["authorization"] = authorization }
        if let key = arguments.value("idempotency-key") { metadata["idempotencyKey"] = .string(key) }
        if !metadata.isEmpty { object["_meta"] = .object(metadata) }
        return .object(object)
    }

    static func connect(_ arguments: Arguments) throws(Failure) -> RPCClient {
        let address = try arguments.address("tcp") ?? ServerConfiguration.defaultTCP
        if !arguments.has("stdio"),
            let flag = ServerConfiguration.flags.first(where: { $0.name != "unix" && arguments.has($0.name) })
        {
            throw .usage("--\(flag.name) is for the server that --stdio starts")
        }
        let server = [Program.path, "stdio"] + arguments.words(of: ServerConfiguration.flags, log: "warning")
        do throws(SystemError) {
            if arguments.has("stdio") { return try RPCClient(spawning: server) }
            if let path = arguments.value("unix") { return try RPCClient(unixPath: path) }
            return try RPCClient(address)
        } catch {
            throw Failure("\(error); dues serve --sandbox starts a server", status: 14)
        }
    }

    /// The failure for a person: the status, the sentence, and every violation in its place.
    static func describe(_ error: RPCError) -> String {
        var text = "dues: \(error.status.name) (\(error.reason)): \(error.message)\n"
        for violation in error.violations {
            text += "  \(violation.pointer.isEmpty ? "params" : violation.pointer): \(violation.message)\n"
        }
        if let wait = error.retryAfterMilliseconds { text += "  try again in \(wait) ms\n" }
        if let request = error.stripe?.requestId { text += "  Stripe's request: \(request)\n" }
        return text
    }
}

/// This program itself.
enum Program {
    /// The path of the running binary.
    static let path: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { return CommandLine.arguments[0] }
        return String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }()
}
