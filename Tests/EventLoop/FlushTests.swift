import Glibc
import Testing

@testable import EventLoop

/// The last bytes of a connection that the server closes.
@Suite struct FlushTests {
    /// More than the system's buffers take.
    private static let message = [UInt8](repeating: 7, count: 24 * 1024 * 1024)

    /// Sends the message to whoever comes, and closes.
    private static func serve(patience: Int64) throws -> (thread: EventLoopThread, value: SocketAddress) {
        try EventLoopThread.start { loop throws(SystemError) in
            loop.flushMilliseconds = patience
            return try Listener(SocketAddress(host: "127.0.0.1", port: 0), on: loop) { connection in
                connection.write(Self.message)
                connection.closeAfterFlush()
            }.address
        }
    }

    @Test func `a peer that takes its time is given everything`() throws {
        let (thread, address) = try Self.serve(patience: 200)
        defer { thread.stop() }
        let socket = try address.connect()
        var count = 0
        var chunk = [UInt8](repeating: 0, count: 2 * 1024 * 1024)
        while case let taken = recv(socket.raw, &chunk, chunk.count, Int32(MSG_WAITALL)), taken > 0 {
            count += taken
            usleep(60_000)
        }
        #expect(count == Self.message.count)
    }

    @Test func `a peer that takes nothing is given up`() throws {
        let (thread, address) = try Self.serve(patience: 50)
        defer { thread.stop() }
        let socket = try address.connect()
        usleep(600_000)
        #expect(readToEnd(socket.raw).count < Self.message.count)
    }

    @Test func `a host that reads its standard output later finds everything there`() throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let reader = Descriptor(owning: ends[0])
        let writer = ends[1]
        let (thread, _) = try EventLoopThread.start { loop throws(SystemError) in
            loop.flushMilliseconds = 20
            _ = fcntl(writer, F_SETFL, O_NONBLOCK)
            let nothing = open("/dev/null", O_RDONLY)
            let streams = Connection.Streams.pair(
                input: .init(Descriptor(owning: nothing)), output: .init(Descriptor(owning: writer)))
            let connection = try Connection.open(streams, on: loop)
            connection.write(Self.message)
            connection.closeAfterFlush()
        }
        defer { thread.stop() }
        usleep(200_000)
        #expect(readToEnd(reader.raw).count == Self.message.count)
    }
}
