internal import EventLoop
internal import Glibc
internal import RPC
internal import Synchronization
internal import Testing

/// A PostgreSQL server of the tests' own, from Debian's package: in a temporary directory, on a port that was free. It ends with
/// the process that started it, however that ends.
package final class PostgreSQLServer: Sendable {
    /// One for all tests that do nothing to it, started when the first of them asks.
    package static let shared = Result { try PostgreSQLServer() }

    /// Whether there is one to be started here. Tests that need it are left out where there is none, and said to be.
    package static let isInstalled: Bool = {
        if programs != nil { return true }
        Skipped.tell("the PostgreSQL store, for want of a server (Debian: postgresql)")
        return false
    }()

    package let port: UInt16
    /// Its settings beside those that all have.
    private let settings: [String]
    private let directory: String
    private let made = Atomic<Int>(0)
    /// Guards against the server being ended twice.
    private let running = Mutex<Running?>(nil)

    private struct Running: @unchecked Sendable {
        /// A shell that waits for its input to end, and then ends the server.
        let keeper: ChildProcess
    }

    /// - Parameter certificate: with which it speaks TLS; nil for a server that does not.
    package init(certificate: String? = nil) throws {
        directory = try Scratch.directory()
        port = try DuesProcess.freePort()
        var files: [String] = []
        if let identity = try certificate.map({ try Certificates.shared.get().identity($0) }) {
            for (source, name) in [(identity.certificateChainFile, "server.pem"), (identity.keyFile, "server.key")] {
                files.append("\(directory)/\(name)")
                _ = try Self.run(["install", "-m", "600", source, "\(directory)/\(name)"])
            }
            settings = ["ssl=on", "ssl_cert_file=\(files[0])", "ssl_key_file=\(files[1])"]
        } else {
            settings = []
        }
        if getuid() == 0 {
            let owner = try #require(getpwnam("postgres"), "the server's user is missing")
            for path in files + [directory] { chown(path, owner.pointee.pw_uid, owner.pointee.pw_gid) }
        }
        let made = try Self.run(
            Self.asOwner + [
                Self.program("initdb"), "-D", "\(directory)/data", "-U", "dues", "-A", "trust", "-E", "UTF8", "--locale=C",
                "--no-sync",
            ])
        try #require(made.status == 0, "initdb: \(made.output)")
        try start()
    }

    deinit {
        stop()
        _ = try? Self.run(["rm", "-rf", directory])
    }

    /// Starts it, where it does not run.
    package func start() throws {
        let settings =
            ([
                "listen_addresses=127.0.0.1", "port=\(port)", "unix_socket_directories=\(directory)", "max_connections=400",
                "shared_buffers=64MB", "fsync=off", "full_page_writes=off",
            ] + self.settings).map { "-c \($0)" }.joined(separator: " ")
        let script = """
            \(Self.asOwner.joined(separator: " ")) \(Self.program("postgres")) -D \(directory)/data \(settings) \
            </dev/null >>\(directory)/log 2>&1 & server=$!
            read end
            kill -QUIT $server
            wait $server
            [ "$end" = keep ] || rm -rf \(directory)
            """
        let keeper = try ChildProcess(["/bin/sh", "-c", script])
        running.withLock { $0 = Running(keeper: keeper) }
        let question = [Self.program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", "\(port)"]
        let isReady = try eventually { try Self.run(question).status == 0 }
        let log = try Scratch.text(of: "\(directory)/log")
        try #require(isReady, "the server does not start: \(log)")
    }

    /// Ends it at once, as if its machine had failed.
    package func stop() {
        guard
            let keeper = running.withLock({ running in
                defer { running = nil }
                return running?.keeper
            })
        else { return }
        try? keeper.channel.sendRaw(Array("keep\n".utf8))
        _ = keeper.wait(timeoutMilliseconds: 10_000)
    }

    // MARK: Databases

    /// The address of a new, empty database.
    package func makeDatabase() throws -> String {
        let name = "test_\(made.add(1, ordering: .relaxed).newValue)"
        _ = try query("CREATE DATABASE \(name)", at: url(of: "postgres"))
        return url(of: name)
    }

    private func url(of database: String) -> String { "postgres://dues@127.0.0.1:\(port)/\(database)" }

    /// The rows that a statement answers, columns separated by `|`.
    package func query(_ sql: String, at url: String) throws -> [String] {
        let answer = try Self.run([Self.program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
        try #require(answer.status == 0, "\(sql): \(answer.output)")
        return answer.output
    }

    // MARK: Programs

    /// Where the newest version's programs are.
    private static let programs: String? = {
        let root = "/usr/lib/postgresql"
        guard let listing = opendir(root) else { return nil }
        defer { closedir(listing) }
        var versions: [Int] = []
        while let entry = readdir(listing) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if let version = Int(name), access("\(root)/\(name)/bin/postgres", X_OK) == 0 { versions.append(version) }
        }
        return versions.max().map { "\(root)/\($0)/bin" }
    }()

    private static func program(_ name: String) -> String { "\(programs ?? "")/\(name)" }

    /// The server refuses to run as root.
    private static let asOwner = getuid() == 0 ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : []

    private static func run(_ words: [String]) throws -> (status: Int32?, output: [String]) {
        let child = try ChildProcess(words)
        var lines: [String] = []
        while let line = try child.channel.receive(timeoutMilliseconds: 60_000) {
            lines.append(String(decoding: line, as: UTF8.self))
        }
        return (child.wait(timeoutMilliseconds: 60_000), lines)
    }
}
