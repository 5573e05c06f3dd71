import DuesClient
import Foundation
import FoundationNetworking
import Glibc

/// What a call costs beside the same line on a bare socket, and a GET by the usual HTTP client: one at a time, in turns.
///
///     swift run -c release DuesClientBench --tcp 127.0.0.1:7171 --http http://127.0.0.1:7172/health
@main struct Bench {
    private static let warmUp = 500
    private static let rounds = 10
    private static let callsInRound = 200

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count == 4, arguments[0] == "--tcp", arguments[2] == "--http",
            let colon = arguments[1].lastIndex(of: ":"), let port = UInt16(arguments[1][colon...].dropFirst()),
            let url = URL(string: arguments[3])
        else { fatalError("--tcp HOST:PORT --http URL") }
        let host = String(arguments[1][..<colon])
        let socket = try BareSocket(host: host, port: port)
        let dues = Dues(.tcp(host: host, port: port))
        let kinds: [@Sendable () async throws -> Void] = [
            { try socket.checkAccess() },
            { _ = try await dues.checkAccess(customerId: "cus_1", productId: "prod_1") },
            { _ = try JSONSerialization.jsonObject(with: await URLSession.shared.data(from: url).0) },
        ]
        for kind in kinds { _ = try await measure(kind, Self.warmUp) }
        var times: [[Duration]] = kinds.map { _ in [] }
        for _ in 0..<Self.rounds {
            for (number, kind) in kinds.enumerated() { times[number] += try await measure(kind, Self.callsInRound) }
        }
        await dues.close()
        let medians = times.map { String(format: "%.1f", $0.sorted()[$0.count / 2] / .microseconds(1)) }
        print(
            "{\"bareMicroseconds\":\(medians[0]),\"clientMicroseconds\":\(medians[1]),\"httpMicroseconds\":\(medians[2])}")
    }

    private static func measure(_ body: () async throws -> Void, _ count: Int) async throws -> [Duration] {
        var times: [Duration] = []
        for _ in 0..<count {
            let begun = ContinuousClock.now
            try await body()
            times.append(begun.duration(to: .now))
        }
        return times
    }
}

/// A connection on which a line is written and its answer's line is read, by system calls alone.
private struct BareSocket: Sendable {
    private let descriptor: Int32

    struct Failure: Error {
        let step: String
    }

    init(host: String, port: UInt16) throws {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { throw Failure(step: "a numeric IPv4 address") }
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw Failure(step: "connect") }
    }

    private static let line = Array(
        (#"{"jsonrpc":"2.0","id":1,"method":"CheckAccess","params":{"customerId":"cus_1","productId":"prod_1"}}"# + "\n")
            .utf8)

    func checkAccess() throws {
        guard write(descriptor, Self.line, Self.line.count) == Self.line.count else { throw Failure(step: "write") }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count > 0 else { throw Failure(step: "read") }
            if buffer[count - 1] == UInt8(ascii: "\n") { return }
        }
    }
}
