import DuesClient
import Foundation
import JSON

/// What the driver is told on its command line.
struct Arguments {
    private(set) var server = Dues.Server.tcp()
    private(set) var token: String?
    private(set) var retries = 0

    init(_ words: some Sequence<String>) {
        var authorities: String?
        var words = words.makeIterator()
        while let flag = words.next() {
            guard let value = words.next() else { Self.refuse(flag) }
            switch flag {
            case "--tcp": server = Self.tcp(value)
            case "--tls-ca": authorities = value
            case "--unix": server = .unix(path: value)
            case "--stdio": server = .stdio(["/bin/sh", "-c", "exec \(value)"])
            case "--serve": server = .serve(["/bin/sh", "-c", "exec \(value)"])
            case "--token": token = value
            case "--retries": retries = Int(value) ?? 0
            default: Self.refuse(flag)
            }
        }
        if let authorities, case .tcp(let host, let port) = server {
            server = .tls(host: host, port: port, authorities: authorities)
        }
    }

    private static func tcp(_ address: String) -> Dues.Server {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            refuse(address)
        }
        return .tcp(host: address[..<colon].trimmingCharacters(in: ["[", "]"]), port: port)
    }

    private static func refuse(_ word: String) -> Never {
        FileHandle.standardError.write(Data("the driver does not understand \(word)\n".utf8))
        exit(2)
    }
}

extension CallOptions {
    /// The options that `_meta` stands for.
    init(wire: JSONValue) throws(Unsayable) {
        let given = try Given(
            wire, only: ["timeoutMs", "idempotencyKey", "traceparent", "authorization", "verbose"])
        self.init(
            timeout: try (given.optional("timeoutMs") as Int64?).map { .milliseconds($0) },
            idempotencyKey: try given.optional("idempotencyKey"), traceparent: try given.optional("traceparent"),
            authorization: try given.optional("authorization"), isVerbose: try given.optional("verbose") ?? false)
    }
}
