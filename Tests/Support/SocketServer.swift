/// A server for tests: sockets on 127.0.0.1, plain or under TLS, a thread a connection, answers by script.
package import EventLoop
internal import Glibc
internal import Synchronization

package final class SocketServer: Sendable {
    /// One request as it came.
    package struct Received: Sendable {
        /// Which connection it came on, counted from 0.
        package let connection: Int
        /// Which request of the server it is, counted from 0.
        package let number: Int
        package let head: String
        package let body: [UInt8]

        /// The value of a header field, found without regard to case.
        package func header(_ name: String) -> String? {
            for line in head.split(separator: "\r\n").dropFirst() {
                let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2, parts[0].lowercased() == name.lowercased() {
                    return String(parts[1].drop { $0 == " " })
                }
            }
            return nil
        }

        package var requestLine: String { String(head.prefix { $0 != "\r\n" }) }
    }

    /// What a script does with a request.
    package enum Step: Sendable {
        case send(String)
        case sendBytes([UInt8])
        case pause(milliseconds: Int)
        /// Ends the connection in order.
        case close
        /// Ends the connection under TLS without saying so, as who cuts the wire would; without TLS there is no difference.
        case cut
        /// Ends the connection with RST.
        case reset
        /// Says nothing more until the client goes away.
        case hang

        package static func reply(_ status: Int = 200, headers: [String] = [], body: String = "") -> Step {
            let lines = ["HTTP/1.1 \(status) Scripted", "Content-Length: \(body.utf8.count)"] + headers
            return .send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
        }
    }

    package let port: UInt16
    private let listener: Int32
    private let opening: @Sendable (Int) -> [Step]
    private let tls: TLSContext?
    private let script: @Sendable (Received) -> [Step]
    private let seen = Mutex<(connections: Int, requests: [Received], clientsGone: Int)>((0, [], 0))

    package var received: [Received] { seen.withLock { $0.requests } }
    package var connections: Int { seen.withLock { $0.connections } }
    /// Connections whose client closed them while a script hung.
    package var clientsGone: Int { seen.withLock { $0.clientsGone } }
    package var base: String { "\(tls == nil ? "http" : "https")://127.0.0.1:\(port)" }

    /// - Parameters:
    ///   - opening: done on each connection, counted from 0, before anything is read, be it a handshake.
    ///   - tls: the server's certificate; nil for a server that speaks in the clear.
    package init(
        opening: @escaping @Sendable (Int) -> [Step] = { _ in [] }, tls: TLSContext? = nil,
        _ script: @escaping @Sendable (Received) -> [Step]
    ) {
        self.opening = opening
        self.tls = tls
        self.script = script
        (listener, port) = Self.listen()
        startThread { [self] in acceptLoop() }
    }

    package func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

    /// A port on which nothing listens (it was bound, and is free again).
    package static func closedPort() -> UInt16 {
        let (listener, port) = listen()
        Glibc.close(listener)
        return port
    }

    private static func listen() -> (Int32, UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && Glibc.listen(listener, 256) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        precondition(bound, "a test cannot listen on 127.0.0.1")
        return (listener, UInt16(bigEndian: address.sin_port))
    }

    private func acceptLoop() {
        while true {
            let peer = accept(listener, nil, nil)
            guard peer >= 0 else { break }
            let index = seen.withLock { seen in
                seen.connections += 1
                return seen.connections - 1
            }
            startThread { [self] in serve(peer, index) }
        }
        Glibc.close(listener)
    }

    private func serve(_ peer: Int32, _ connection: Int) {
        defer { Glibc.close(peer) }
        let plain = ServedLine(peer, nil)
        guard opening(connection).allSatisfy({ perform($0, plain) }) else { return }
        let line = tls.map { ServedLine(peer, $0) } ?? plain
        while let (head, body) = line.readRequest() {
            let request = seen.withLock { seen in
                let request = Received(connection: connection, number: seen.requests.count, head: head, body: body)
                seen.requests.append(request)
                return request
            }
            guard script(request).allSatisfy({ perform($0, line) }) else { break }
        }
    }

    /// - Returns: whether the connection goes on.
    private func perform(_ step: Step, _ line: ServedLine) -> Bool {
        switch step {
        case .send(let text): return line.write(Array(text.utf8))
        case .sendBytes(let bytes): return line.write(bytes)
        case .pause(let milliseconds):
            usleep(UInt32(milliseconds) * 1000)
            return true
        case .close:
            line.end()
            return false
        case .cut: return false
        case .reset:
            line.abort()
            return false
        case .hang:
            line.waitForEnd()
            seen.withLock { $0.clientsGone += 1 }
            return false
        }
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

private func startThread(_ run: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let failure = pthread_create(
        &thread, nil,
        { argument in
            // Not nil: `passRetained` below made the pointer.
            Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
            return nil
        }, Unmanaged.passRetained(ThreadBody(run)).toOpaque())
    precondition(failure == 0, "a test cannot start a thread")
    pthread_detach(thread)
}
