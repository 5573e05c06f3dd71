import EventLoop
import Foundation
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// A client of another language, as its `conformance.json` describes it: what it needs, how it is built, and its driver, a
/// JSON-RPC server on standard streams that makes each call by the client's own typed methods.
struct ClientManifest: Sendable, CustomTestStringConvertible {
    let language: String
    /// The folder below `clients`.
    let folder: String
    /// Programs that must be there.
    let requires: [String]
    /// Debian's packages that bring them.
    let packages: [String]
    let build: [[String]]
    let driver: [String]
    let example: [String]
    /// The client's own tests.
    let tests: [[String]]
    /// Of tcp, tls, unix, stdio and serve, those that the language can.
    let transports: Set<String>
    let features: Set<Feature>

    /// What not every language can.
    enum Feature: String {
        case concurrency, cancellation, deadlines, reconnection, retries, streams
    }

    var testDescription: String { language }

    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .path

    /// Where the clients are: in this repository, unless DUES_CLIENTS says otherwise.
    private static let root = getenv("DUES_CLIENTS").map { String(cString: $0) } ?? repository + "/clients"

    /// Every client, by folder.
    static let all: [ClientManifest] = {
        let folders = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return folders.sorted().compactMap { folder in
            guard let data = FileManager.default.contents(atPath: "\(root)/\(folder)/conformance.json") else { return nil }
            return ClientManifest(try? JSONValue(parsing: Array(data)), folder: folder)
        }
    }()

    /// The clients whose language is installed; the others are named where `make` shows it. With DUES_ALL_CLIENTS all are taken
    /// to be, and one that is not fails.
    static let installed: [ClientManifest] = all.filter { client in
        let missing = client.requires.filter { find($0) == nil }
        if missing.isEmpty || getenv("DUES_ALL_CLIENTS") != nil { return true }
        Skipped.tell(
            "the \(client.language) client: \(missing.joined(separator: ", ")) not found (make test-clients installs it)")
        return false
    }

    private init?(_ json: JSONValue?, folder: String) {
        guard let json, let language = json["language"]?.stringValue else { return nil }
        let words = { (value: JSONValue?) in (value?.arrayValue ?? []).compactMap(\.stringValue) }
        self.language = language
        self.folder = folder
        requires = words(json["requires"])
        packages = words(json["packages"])
        build = (json["build"]?.arrayValue ?? []).map(words)
        driver = words(json["driver"])
        example = words(json["example"])
        tests = (json["tests"]?.arrayValue ?? []).map(words)
        transports = Set(words(json["transports"]))
        features = Set(words(json["features"]).compactMap(Feature.init))
    }

    /// The installed clients whose language can all of `features`.
    static func able(to features: Feature...) -> [ClientManifest] {
        installed.filter { $0.features.isSuperset(of: features) }
    }

    /// The installed clients that reach a server by `transport`.
    static func over(_ transport: String) -> [ClientManifest] { installed.filter { $0.transports.contains(transport) } }

    static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? ""
        return path.split(separator: ":").lazy.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    // MARK: Running

    private var home: String { "\(Self.root)/\(folder)" }

    /// Where its outputs go.
    private var output: String { "\(Self.repository)/.build/clients/\(folder)" }

    /// The client, built once for all the tests.
    func prepare() throws {
        try Self.built.withLock { built in
            if built.contains(folder) { return }
            let missing = requires.filter { Self.find($0) == nil }
            try #require(missing.isEmpty, "\(missing.joined(separator: ", ")) not found")
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
            for command in build {
                let status = try Process.wait(words(command), in: home)
                try #require(status == 0, "\(command.joined(separator: " ")) failed in \(home)")
            }
            built.insert(folder)
        }
    }

    private static let built = Locked<Set<String>>([])

    private func words(_ command: [String]) -> [String] {
        command.map { $0.replacingOccurrences(of: "${build}", with: output) }
    }

    /// The driver's command line: a shell that goes to the client's folder, and becomes the driver there.
    func driverCommand(_ arguments: [String]) -> [String] {
        ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", home] + words(driver) + arguments
    }

    func startDriver(_ arguments: [String]) throws -> ChildProcess { try ChildProcess(driverCommand(arguments)) }

    /// Runs the example against a server; answers its exit status.
    func runExample(_ arguments: [String]) throws -> Int32 { try Process.wait(words(example) + arguments, in: home) }

    /// Runs the client's own tests; answers the first exit status that is not 0.
    func runTests() throws -> Int32 {
        for command in tests {
            let status = try Process.wait(words(command), in: home)
            if status != 0 { return status }
        }
        return 0
    }
}

extension Process {
    /// Runs a command found in PATH, its outputs ours; answers its exit status.
    fileprivate static func wait(_ command: [String], in folder: String) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // An event loop in this process has the signal ignored, and a shell cannot trap what was ignored when it began.
        process.arguments = ["--default-signal=PIPE"] + command
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardOutput = FileHandle.standardError
        process.environment = ProcessInfo.processInfo.environment.merging(["DUES_BIN": DuesProcess.binary]) { $1 }
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// What several tests touch, one at a time.
final class Locked<Value>: @unchecked Sendable {  // the lock guards the value
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
