import DuesClient
import Foundation
import JSON
import Synchronization

/// A JSON-RPC server on standard streams: makes each call that comes by the client's own method, and answers what the client
/// says.
@main final class Driver: Sendable {
    let dues: Dues
    /// The calls in flight, by their ids as they are written.
    private let calls = Mutex<[String: Task<Void, Never>]>([:])
    private let output = Mutex(())

    private init(_ arguments: Arguments) {
        dues = Dues(arguments.server, token: arguments.token, retries: arguments.retries)
    }

    static func main() async {
        let driver = Driver(Arguments(CommandLine.arguments.dropFirst()))
        await withDiscardingTaskGroup { group in
            for await line in lines {
                guard let message = try? JSONValue(parsing: line) else {
                    driver.answer(.null, .failure(NotUnderstood()))
                    continue
                }
                if message["method"] == "rpc.cancel", let id = message["params"]?["id"] {
                    driver.calls.withLock { $0[id.text] }?.cancel()
                } else {
                    // At once as far as it goes without waiting, so that calls go out in the order in which they came in.
                    let call = Task.immediate { await driver.take(message) }
                    let id = (message["id"] ?? .null).text
                    driver.calls.withLock { $0[id] = call }
                    group.addTask {
                        await call.value
                        driver.calls.withLock { $0[id] = nil }
                    }
                }
            }
        }
        await driver.dues.close()
    }

    /// The lines of standard input. A thread waits for them, so that no task has to.
    private static var lines: AsyncStream<String> {
        AsyncStream { stream in
            Thread.detachNewThread {
                while let line = readLine() { stream.yield(line) }
                stream.finish()
            }
        }
    }

    private func take(_ message: JSONValue) async {
        let id = message["id"] ?? .null
        do {
            guard let method = message["method"]?.stringValue else { throw NotUnderstood() }
            answer(id, .success(try await result(of: method, message["params"] ?? [:], on: id)))
        } catch {
            answer(id, .failure(error))
        }
    }

    /// By the typed method where there is one, and its types can say the params; otherwise as they came.
    private func result(of method: String, _ params: JSONValue, on id: JSONValue) async throws -> JSONValue {
        do {
            guard var object = params.objectValue else { throw Unsayable() }
            let options = try CallOptions(wire: object["_meta"] ?? [:])
            object["_meta"] = nil
            if let result = try await result(of: method, .object(object), options, on: id) { return result }
            return try await dues.call(method, .object(object), options: options)
        } catch is Unsayable {
            return try await dues.call(method, params)
        }
    }

    /// Passes the values of a stream on; gives its result.
    func pass<Value: DuesObject & JSONWritable, Summary: DuesResult & JSONWritable>(
        _ stream: DuesStream<Value, Summary>, on id: JSONValue
    ) async throws -> JSONValue {
        var seq: Int64 = 0
        for try await value in stream {
            seq += 1
            let params: JSONValue = ["id": id, "seq": .integer(seq), "value": value.json]
            write(["jsonrpc": "2.0", "method": "rpc.stream", "params": params])
        }
        return stream.result?.json ?? .null
    }

    private func answer(_ id: JSONValue, _ outcome: Result<JSONValue, any Error>) {
        switch outcome {
        case .success(let result): write(["jsonrpc": "2.0", "id": id, "result": result])
        case .failure(let error): write(["jsonrpc": "2.0", "id": id, "error": error.json])
        }
    }

    private func write(_ message: JSONValue) {
        let line = Data(message.bytes + [UInt8(ascii: "\n")])
        output.withLock { _ in FileHandle.standardOutput.write(line) }
    }
}
