import EventLoop
import Glibc
import JSON
import RPC
import Synchronization
import TestSupport
import Testing

/// A server that is to be abused: what it costs meanwhile, and how it serves somebody who behaves.
final class Victim {
    let server: DuesProcess
    /// Resident memory when nothing had happened yet, in kilobytes.
    let restingKilobytes: Int

    convenience init(_ flags: [String] = ["--sandbox"]) throws { try self.init(DuesProcess(flags)) }

    init(_ server: DuesProcess) throws {
        self.server = server
        let channel = LineChannel(socket: try server.tcp.connect())
        // The first calls load what is loaded once.
        for line in [Calls.discover(1), Calls.access(2), "nonsense"] { _ = try channel.ask(line) }
        restingKilobytes = Self.kilobytes("VmRSS", server.child.pid)
    }

    /// Runs `abuse` while a neighbour calls all the time: each of its calls is to be answered within five seconds, which only a
    /// neighbour who is starved does not see on a busy machine, and the server's memory is to grow by no more than `megabytes` at
    /// any moment.
    ///
    /// What was measured goes to standard error, for people.
    func endure(_ name: String, megabytes: Int, _ abuse: (DuesProcess) throws -> Void) throws {
        // Writing 5 makes the kernel forget the highest memory so far (proc(5)).
        if let file = fopen("/proc/\(server.child.pid)/clear_refs", "w") {
            fputs("5", file)
            fclose(file)
        }
        let (neighbour, thread) = try Neighbour.start(server.tcp)
        let result = Result { try abuse(server) }
        let latencies = neighbour.finish(thread)
        let peak = Self.kilobytes("VmHWM", server.child.pid) - restingKilobytes
        let report = "abuse: \(name): memory +\(peak) kB at most; the neighbour's \(latencies)"
        note(report)
        #expect(latencies.failures.isEmpty, "\(report): \(latencies.failures.prefix(3))")
        #expect(!latencies.microseconds.isEmpty, "a neighbour that did not call proves nothing")
        #expect((latencies.microseconds.last ?? 0) < 5_000_000, "\(report)")
        #expect(peak < megabytes * 1024 || Self.isSanitized, "\(report)")
        try result.get()
        #expect(kill(server.child.pid, 0) == 0, "the server is there still")
    }

    /// Whether a sanitizer's own memory is part of what is measured: then no bound of the server's is held to.
    static var isSanitized: Bool { getenv("ASAN_OPTIONS") != nil || getenv("TSAN_OPTIONS") != nil }

    /// Connections that the server has open where calls come in, as /proc/net/tcp knows them: those of which it still holds
    /// the socket.
    var connections: Int {
        let port = String(server.tcp.port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - port.count) + port
        let lines = (try? Scratch.text(of: "/proc/net/tcp"))?.split(separator: "\n").dropFirst() ?? []
        return lines.count { line in
            let fields = line.split(separator: " ")
            let (isListening, isClosed) = (fields[3] == "0A", fields[9] == "0")
            return fields[1].hasSuffix(suffix) && !isListening && !isClosed
        }
    }

    /// Waits until no more than `count` connections are left.
    func expectConnections(atMost count: Int) {
        #expect(eventually { self.connections <= count }, "\(connections) are open, \(count) should be")
    }

    /// Resident memory now.
    var residentKilobytes: Int { Self.kilobytes("VmRSS", server.child.pid) }

    /// A line of /proc/PID/status.
    private static func kilobytes(_ name: String, _ pid: Int32) -> Int {
        let line = (try? Scratch.text(of: "/proc/\(pid)/status"))?.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return line?.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}

/// Somebody who calls CheckAccess every few milliseconds, on a connection and a thread of his own.
private final class Neighbour: Sendable {
    /// What it was like, from the shortest to the longest.
    struct Latencies: CustomStringConvertible, Sendable {
        var microseconds: [Int64] = []
        var failures: [String] = []

        var description: String {
            let at = { (share: Double) in
                microseconds.isEmpty ? 0 : microseconds[Int(share * Double(microseconds.count - 1))]
            }
            return "calls: \(microseconds.count), p50 \(at(0.5)) µs, p99 \(at(0.99)) µs, max \(at(1)) µs"
        }
    }

    private let isOver = Atomic(false)
    private let found = Mutex(Latencies())

    /// Has called once when it returns.
    static func start(_ address: SocketAddress) throws -> (neighbour: Neighbour, thread: Thread) {
        let neighbour = Neighbour()
        let ready = Rendezvous<Void>()
        let thread = try Thread.start { neighbour.run(address, ready) }
        ready.take()
        return (neighbour, thread)
    }

    /// Ends the calls and answers how they went.
    func finish(_ thread: Thread) -> Latencies {
        isOver.store(true, ordering: .relaxed)
        thread.join()
        var latencies = found.withLock { $0 }
        latencies.microseconds.sort()
        return latencies
    }

    private func run(_ address: SocketAddress, _ ready: Rendezvous<Void>) {
        do {
            let channel = LineChannel(socket: try address.connect())
            try call(0, on: channel)
            ready.put(())
            var id = 1
            while !isOver.load(ordering: .relaxed) {
                let began = ContinuousClock.now
                try call(id, on: channel)
                let took = began.duration(to: .now) / .microseconds(1)
                found.withLock { $0.microseconds.append(Int64(took)) }
                usleep(2000)
                id += 1
            }
        } catch {
            note(failure: "\(error)")
            ready.put(())
        }
    }

    private func call(_ id: Int, on channel: LineChannel) throws {
        try channel.send(Calls.access(id))
        let answer = String(decoding: try channel.receive(timeoutMilliseconds: 20_000) ?? [], as: UTF8.self)
        if !answer.hasPrefix("{\"jsonrpc\":\"2.0\",\"id\":\(id),\"result\":") { note(failure: answer) }
    }

    private func note(failure: String) { found.withLock { $0.failures.append(failure) } }
}

/// A line for the person who reads the tests' output.
func note(_ line: String) {
    _ = Array((line + "\n").utf8).withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
}

/// Lines that tests send.
enum Calls {
    static func access(_ id: Int) -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"CheckAccess","params":{"customerId":"cus_1","productId":"prod_1"}}"#
    }
    static func discover(_ id: Int) -> String { #"{"jsonrpc":"2.0","id":\#(id),"method":"rpc.discover"}"# }
    /// A call that Stripe has to answer.
    static func plans(_ id: Int) -> String { #"{"jsonrpc":"2.0","id":\#(id),"method":"ListPlans"}"# }

    /// The id that an answer bears; nil for null, and for what is no answer.
    static func id(of line: some Sequence<UInt8>) -> Int? {
        let prefix = Array(#"{"jsonrpc":"2.0","id":"#.utf8)
        var digits = line.dropFirst(prefix.count).makeIterator()
        var id: Int?
        while let byte = digits.next(), (0x30...0x39).contains(byte) { id = (id ?? 0) * 10 + Int(byte - 0x30) }
        return line.starts(with: prefix) ? id : nil
    }
}
