package import Contract
package import EventLoop
package import JSON

/// A client for one thread: one call at a time, over TCP, TLS, a Unix socket, or the standard streams of a server of its own.
package final class RPCClient {
    private let channel: LineChannel
    /// The server, where this client started it.
    private let child: ChildProcess?
    private var nextID: Int64 = 1

    /// Dials a server; with `tls`, the server's certificate must bear the address's host.
    package init(_ address: SocketAddress, tls: TLSContext? = nil) throws(SystemError) {
        if let tls {
            channel = try LineChannel(dialing: address, tls: tls)
        } else {
            channel = LineChannel(socket: try address.connect())
        }
        child = nil
    }

    /// Dials a server on this machine.
    package init(unixPath: String) throws(SystemError) {
        channel = LineChannel(socket: try UnixSocket.connect(unixPath))
        child = nil
    }

    /// Starts a server that speaks on its standard streams.
    package init(spawning arguments: [String]) throws(SystemError) {
        let child = try ChildProcess(arguments)
        channel = child.channel
        self.child = child
    }

    /// Calls `method` and waits for its answer. Throws what the server answers, or UNAVAILABLE where it does not. The values
    /// of a streaming method are given to `onValue` as they come, however long that takes.
    package func call(
        _ method: String, _ params: JSONValue = [:], timeoutMilliseconds: Int64 = 120_000,
        onValue: (JSONValue) -> Void = { _ in }
    ) throws(RPCError) -> JSONValue {
        let id = nextID
        // The server keeps the call's own deadline; waiting here is for a server that does not answer at all, which of a
        // stream cannot be told.
        let isStream = Method(rawValue: method)?.isStreaming ?? false
        let deadline = params["_meta"]?["timeoutMs"]?.integerValue.map { min($0, Self.forever) + 5000 }
        let patience = deadline ?? (isStream ? Self.forever : timeoutMilliseconds)
        nextID += 1
        let request: JSONValue = ["jsonrpc": "2.0", "id": .integer(id), "method": .string(method), "params": params]
        let answer: JSONValue?
        do {
            try channel.send(request.bytes)
            answer = try awaitAnswer(to: id, timeoutMilliseconds: patience, onValue)
        } catch {
            throw RPCError(.serverUnreachable, "no answer from the server: \(error)")
        }
        guard let answer else {
            throw RPCError(.serverUnreachable, "the server closed the connection without an answer")
        }
        guard let result = answer["result"] else { throw RPCError(json: answer["error"] ?? .null) }
        return result
    }

    /// A year, in milliseconds.
    private static let forever: Int64 = 365 * 86_400_000

    /// The answer that bears `id`; nil at the end of the stream. Others are about calls that were given up.
    private func awaitAnswer(
        to id: Int64, timeoutMilliseconds: Int64, _ onValue: (JSONValue) -> Void
    ) throws(SystemError) -> JSONValue? {
        while let line = try channel.receive(timeoutMilliseconds: timeoutMilliseconds) {
            guard let answer = try? JSONValue(parsing: line) else { continue }
            if answer["method"] == "rpc.stream", let params = answer["params"], params["id"] == .integer(id) {
                onValue(params["value"] ?? .null)
            }
            // An error without an id can only be about the one call that is under way.
            if answer["id"] == .integer(id) || (answer["id"] == .null && answer["error"] != nil) { return answer }
        }
        return nil
    }

    /// Ends the conversation; a server that this client started has finished when this returns. Answers its exit status.
    @discardableResult
    package func close() -> Int32 {
        channel.finishSending()
        return child?.end() ?? 0
    }
}
