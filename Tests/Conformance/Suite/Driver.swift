import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// A client's driver at work: what is sent to it is called by the client, and what the client is told comes back.
final class Driver {
    private let child: ChildProcess
    var channel: LineChannel { child.channel }
    private var nextID: Int64 = 1
    private var waiting: [JSONValue] = []

    init(_ client: ClientManifest, _ arguments: [String]) throws {
        try client.prepare()
        child = try client.startDriver(arguments)
    }

    /// One that dials `server`.
    convenience init(_ client: ClientManifest, _ server: LineServer, _ arguments: [String] = []) throws {
        try self.init(client, ["--tcp", server.address.description] + arguments)
    }

    deinit { child.end(graceMilliseconds: 1000) }

    /// Begins a call, and answers its id.
    @discardableResult
    func begin(_ method: String, _ params: JSONValue = [:]) throws -> JSONValue {
        let id = JSONValue.integer(nextID)
        nextID += 1
        try child.channel.send(
            (["jsonrpc": "2.0", "id": id, "method": .string(method), "params": params] as JSONValue).bytes)
        return id
    }

    func cancel(_ id: JSONValue) throws {
        try child.channel.send((["jsonrpc": "2.0", "method": "rpc.cancel", "params": ["id": id]] as JSONValue).bytes)
    }

    /// The answer to the call `id`.
    func answer(to id: JSONValue) throws -> JSONValue { try take { $0["id"] == id } }

    /// The next value of the stream `id`; nil where its answer comes first.
    func value(of id: JSONValue) throws -> JSONValue? {
        let message = try take { $0["id"] == id || $0["params"]?["id"] == id }
        guard message["method"] == "rpc.stream" else {
            waiting.append(message)
            return nil
        }
        return message["params"]?["value"]
    }

    func call(_ method: String, _ params: JSONValue = [:]) throws -> JSONValue { try answer(to: try begin(method, params)) }

    private func take(_ isWanted: (JSONValue) -> Bool) throws -> JSONValue {
        if let index = waiting.firstIndex(where: isWanted) { return waiting.remove(at: index) }
        while true {
            let line = try #require(try child.channel.receive(timeoutMilliseconds: 20_000), "the driver ended")
            let message = try JSONValue(parsing: line)
            if isWanted(message) { return message }
            waiting.append(message)
        }
    }

    /// Ends its input, so that it ends when everything is answered.
    func finishInput() { child.channel.finishSending() }

    /// Ends its input; it is to finish, close its connection and exit with status 0.
    func end() throws {
        finishInput()
        #expect(child.wait(timeoutMilliseconds: 15_000) == 0, "the driver's exit status")
    }
}
