package import EventLoop
internal import Glibc

/// HTTP/1.1 on an event loop: keep-alive, pipelining (answered in order), chunked request bodies, bounded everything.
package final class HTTPServer {
    private let loop: EventLoop
    private let limits: HTTPLimits
    private let handler: (HTTPRequest, HTTPResponder) -> Void
    private var listeners: [Listener] = []
    private var open: [UInt64: Connection] = [:]
    /// Between looks at whether every answer has left.
    private static let pauseMilliseconds: Int64 = 10

    /// `handler` is called on the loop's thread with each request; it must use the responder exactly once, now or later, from
    /// whatever thread.
    package init(
        loop: EventLoop, limits: HTTPLimits = HTTPLimits(), handler: @escaping (HTTPRequest, HTTPResponder) -> Void
    ) {
        self.loop = loop
        self.limits = limits
        self.handler = handler
    }

    /// Starts listening; answers the address with the port that was bound. The loop retains what serves the connections.
    @discardableResult
    package func listen(_ address: SocketAddress) throws(SystemError) -> SocketAddress {
        let socket = try ListeningSocket.tcp(address)
        guard case .tcp(let bound) = socket.endpoint else { return address }
        try listen(socket)
        return bound
    }

    /// Starts taking requests from a socket that listens.
    package func listen(_ socket: consuming ListeningSocket) throws(SystemError) {
        listeners.append(
            try Listener(socket: socket, on: loop) { [self] newcomer in newcomer.open(on: loop).map(accept) })
    }

    /// Stops accepting connections and closes those that wait for a request; the others close when they have answered.
    package func drain() {
        for listener in listeners { listener.close() }
        listeners = []
        for connection in open.values { (connection.handler as? HTTPServerConnection)?.closeWhenIdle(connection) }
    }

    /// Calls `action` once every answer has left after `drain()`, or after `milliseconds`.
    package func whenIdle(withinMilliseconds milliseconds: Int64, _ action: @escaping () -> Void) {
        guard milliseconds > 0, !open.values.allSatisfy(\.isFlushed) else { return action() }
        loop.schedule(afterMilliseconds: Self.pauseMilliseconds) { [self] in
            whenIdle(withinMilliseconds: milliseconds - Self.pauseMilliseconds, action)
        }
    }

    private func accept(_ connection: Connection) {
        guard open.count < limits.connections else { return connection.close() }
        open[connection.id] = connection
        let served = HTTPServerConnection(limits: limits, handler: handler) { [self] id in open[id] = nil }
        connection.handler = served
        served.watchIdleness(of: connection)
    }
}

/// The way back for one request's answer. It may be used from any thread, once, for one of the two.
package struct HTTPResponder: Sendable {
    let connection: UInt64
    let remote: EventLoopRemote

    package func respond(_ response: HTTPResponse) {
        remote.post { [connection] loop in
            guard let connection = loop.connection(connection) else { return }
            (connection.handler as? HTTPServerConnection)?.answer(response, on: connection)
        }
    }

    /// Closes the connection without an answer.
    package func hangUp() { remote.post { [connection] loop in loop.connection(connection)?.close() } }
}

/// One connection's dialogue: requests in, one at a time to the handler, answers out in the same order.
final class HTTPServerConnection: ConnectionHandler {
    private let limits: HTTPLimits
    private let handler: (HTTPRequest, HTTPResponder) -> Void
    private let onClose: (UInt64) -> Void
    private var parser: HTTPRequestParser
    /// The request that the handler has and has not answered.
    private var current: HTTPRequest?
    private var closesAfterAnswer = false
    private var lastActivity: Int64 = 0

    init(
        limits: HTTPLimits, handler: @escaping (HTTPRequest, HTTPResponder) -> Void, onClose: @escaping (UInt64) -> Void
    ) {
        self.limits = limits
        self.handler = handler
        self.onClose = onClose
        parser = HTTPRequestParser(limits: limits)
    }

    func received(_ bytes: Span<UInt8>, on connection: Connection) {
        if !parser.isMidway { lastActivity = connection.loop.now }
        parser.append(bytes)
        // Of a client that pipelines no more is read than this, until the request in hand is answered: it waits in the kernel.
        if current != nil { connection.setReading(false) }
        advance(connection)
    }

    /// Takes the next request if there is none in hand.
    private func advance(_ connection: Connection) {
        while current == nil, connection.isOpen {
            switch parser.next() {
            case .needMore:
                if closesAfterAnswer, !parser.isMidway { connection.closeAfterFlush() }
                return connection.setReading(true)
            case .wantsContinue: connection.write(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))
            case .request(let request):
                current = request
                closesAfterAnswer = closesAfterAnswer || request.headers["Connection"]?.lowercased() == "close"
                handler(request, HTTPResponder(connection: connection.id, remote: connection.loop.remote))
            case .invalid(let status, let reason):
                closesAfterAnswer = true
                write(
                    HTTPResponse(status: status, headers: ["Content-Type": "text/plain"], body: Array("\(reason)\n".utf8)),
                    toHead: false, on: connection)
                connection.closeAfterFlush()
            }
        }
    }

    func answer(_ response: HTTPResponse, on connection: Connection) {
        guard let request = current else { return }
        current = nil
        lastActivity = connection.loop.now
        write(response, toHead: request.method == "HEAD", on: connection)
        advance(connection)
    }

    private func write(_ response: HTTPResponse, toHead: Bool, on connection: Connection) {
        var head = "HTTP/1.1 \(response.status) \(HTTPResponse.reason(response.status))\r\n"
        for field in response.headers.fields { head += "\(field.name): \(field.value)\r\n" }
        // A handler that keeps another time says so itself.
        if response.headers["Date"] == nil { head += "Date: \(HTTPDate.text(Int64(time(nil))))\r\n" }
        head += "Content-Length: \(response.body.count)\r\n"
        if closesAfterAnswer { head += "Connection: close\r\n" }
        connection.write(Array((head + "\r\n").utf8))
        if !toHead { connection.write(response.body) }
    }

    func ended(_ connection: Connection) {
        if current == nil { connection.closeAfterFlush() } else { closesAfterAnswer = true }
    }

    func drained(_ connection: Connection) {}
    func closed(_ connection: Connection) { onClose(connection.id) }

    /// Closes now if no request is in hand, else after its answer.
    func closeWhenIdle(_ connection: Connection) {
        if current == nil, !parser.isMidway { connection.closeAfterFlush() } else { closesAfterAnswer = true }
    }

    /// Looks now and then whether the client has gone quiet; a request in hand is never quiet.
    func watchIdleness(of connection: Connection) {
        lastActivity = connection.loop.now
        checkIdleness(of: connection)
    }

    private func checkIdleness(of connection: Connection) {
        connection.loop.schedule(afterMilliseconds: limits.idleMilliseconds) { [weak self, weak connection] in
            guard let self, let connection, connection.isOpen else { return }
            let quiet = connection.loop.now - lastActivity
            if current == nil, quiet >= limits.idleMilliseconds {
                connection.close()
            } else {
                checkIdleness(of: connection)
            }
        }
    }
}

extension HTTPResponse {
    /// The phrase that goes with a status; no client depends on it.
    fileprivate static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: status < 300 ? "Success" : "Error"
        }
    }
}
