import EventLoop
import Glibc
import TestSupport
import Testing

@Suite struct UnixSocketTests {
    @Test func `an echo over a Unix socket comes back whole, and the file goes when the listener closes`() throws {
        let place = try Folder()
        let path = place.path("echo.sock")
        let (thread, listener) = try EventLoopThread.start { loop throws(SystemError) in
            let listener = try Listener(unixPath: path, on: loop) { $0.handler = Echo() }
            #expect(listener.endpoint == .unix(path: path))
            return UncheckedBox(listener)
        }
        let message = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        #expect(try echo(message, through: UnixSocket.connect(path)) == message)

        let closed = Rendezvous<Bool>()
        thread.remote.post { _ in
            listener.value.close()
            closed.put(true)
        }
        _ = closed.take()
        #expect(mode(of: path) == nil)
        thread.stop()
    }

    @Test(arguments: [0o600, 0o660, 0o666, 0o200] as [mode_t], [0o022, 0o077, 0o000] as [mode_t])
    func `the file has the mode that was asked for, whatever the umask`(wanted: mode_t, mask: mode_t) throws {
        let place = try Folder()
        let path = place.path("mode.sock")
        let loop = try EventLoop()
        let before = umask(mask)
        defer { umask(before) }
        let listener = try Listener(unixPath: path, mode: wanted, on: loop) { _ in }
        #expect(mode(of: path) == wanted)
        listener.close()
    }

    @Test func `nobody but the owner may connect unless more is asked for`() throws {
        let place = try Folder()
        let path = place.path("default.sock")
        let loop = try EventLoop()
        let listener = try Listener(unixPath: path, on: loop) { _ in }
        #expect(mode(of: path) == 0o600)
        listener.close()
    }

    @Test func `the socket of a dead listener is replaced`() throws {
        let place = try Folder()
        let path = place.path("stale.sock")
        do {
            // Goes without closing, as a process does that is killed.
            let loop = try EventLoop()
            _ = try Listener(unixPath: path, on: loop) { _ in }
        }
        #expect(mode(of: path) != nil)
        #expect(throws: SystemError.self) { _ = try UnixSocket.connect(path) }
        let loop = try EventLoop()
        let listener = try Listener(unixPath: path, on: loop) { _ in }
        _ = try UnixSocket.connect(path)
        listener.close()
        #expect(mode(of: path) == nil)
    }

    @Test func `the socket of a living listener is left alone`() throws {
        let place = try Folder()
        let path = place.path("live.sock")
        let loop = try EventLoop()
        let listener = try Listener(unixPath: path, on: loop) { _ in }
        let failure = #expect(throws: SystemError.self) { try Listener(unixPath: path, on: loop) { _ in } }
        #expect(failure?.code == EADDRINUSE)
        _ = try UnixSocket.connect(path)
        listener.close()
    }

    @Test func `a file that is no socket is left alone`() throws {
        let place = try Folder()
        let path = place.path("ledger.db")
        Glibc.close(open(path, O_CREAT | O_WRONLY, 0o600))
        let loop = try EventLoop()
        let failure = #expect(throws: SystemError.self) { try Listener(unixPath: path, on: loop) { _ in } }
        #expect(failure?.code == EEXIST)
        #expect(failure?.description.contains("no socket") == true)
        #expect(mode(of: path) == 0o600)
    }

    @Test func `a listener that closes leaves its successor's file alone`() throws {
        let place = try Folder()
        let path = place.path("moved.sock")
        let loop = try EventLoop()
        let first = try Listener(unixPath: path, on: loop) { _ in }
        rename(path, place.path("aside.sock"))
        let second = try Listener(unixPath: path, on: loop) { _ in }
        first.close()
        _ = try UnixSocket.connect(path)
        second.close()
        unlink(place.path("aside.sock"))
    }

    @Test(arguments: ["", "/tmp/a\0b", "/tmp/" + String(repeating: "é", count: 60)])
    func `a path that no socket can have is refused, and says why`(path: String) throws {
        let loop = try EventLoop()
        let failures = [
            #expect(throws: SystemError.self) { try Listener(unixPath: path, on: loop) { _ in } },
            #expect(throws: SystemError.self) { _ = try UnixSocket.connect(path) },
        ]
        for failure in failures { #expect(failure?.description.contains("a Unix socket's path") == true) }
    }

    @Test func `the longest path works, and one byte more does not`() throws {
        let place = try Folder()
        let rest = UnixSocket.maximumPathBytes - place.path("").utf8.count
        let longest = place.path(String(repeating: "x", count: rest))
        let loop = try EventLoop()
        let listener = try Listener(unixPath: longest, on: loop) { _ in }
        _ = try UnixSocket.connect(longest)
        listener.close()
        #expect(throws: SystemError.self) { try Listener(unixPath: longest + "x", on: loop) { _ in } }
    }
}

/// The permission bits of the file at `path`; nil where there is none.
private func mode(of path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
}
