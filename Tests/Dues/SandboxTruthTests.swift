import Glibc
import TestSupport
import Testing

/// The sandbox as others know Stripe: its official SDK drives it, and what was recorded on the real one holds.
@Suite struct SandboxTruthTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    private static let suite = root + "/Tests/Sandbox/SDK"
    /// The reference material beside the project, which not everybody has.
    private static let shared = root + "/../shared"

    /// The Python of an environment that has the SDK; nil, and said so, where none can be made.
    private static func python() throws -> String? {
        let home = root + "/.build/sandbox-sdk"
        let python = home + "/bin/python"
        if access(home + "/bin/pip", X_OK) != 0 {
            let made = try ProgramRun(["/usr/bin/env", "python3", "-m", "venv", "--clear", home])
            guard made.status == 0 else {
                Skipped.tell("the sandbox under Stripe's SDK: python3 and its venv are needed")
                return nil
            }
        }
        let installed = try ProgramRun([
            python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "20",
            "--requirement", suite + "/requirements.txt",
        ])
        guard installed.status == 0 else {
            let reason = installed.output.split(separator: "\n").last ?? "for no reason that pip says"
            Skipped.tell("the sandbox under Stripe's SDK: it cannot be installed: \(reason.prefix(200))")
            return nil
        }
        return python
    }

    @Test func `the official SDK finds in the sandbox what it finds in Stripe`() async throws {
        let run = try await offPool { () throws -> ProgramRun? in
            guard let python = try Self.python() else { return nil }
            let sandbox = try SandboxProcess()
            defer { sandbox.stop() }
            return try ProgramRun(
                [python, Self.suite + "/run.py"],
                environment: [
                    "SANDBOX_URL": sandbox.url, "SANDBOX_KEY": sandbox.secretKey,
                    "SANDBOX_PUBLISHABLE_KEY": sandbox.publishableKey, "SANDBOX_SHARED": Self.shared,
                    "PYTHONDONTWRITEBYTECODE": "1",
                ])
        }
        guard let run else { return }
        #expect(run.status == 0, "\(run.output)")
        for line in run.output.split(separator: "\n") where line.hasPrefix("SKIPPED: ") {
            Skipped.tell(String(line.dropFirst("SKIPPED: ".count)))
        }
    }

    @Test func `what was recorded on Stripe holds in the sandbox, ninety-nine facts of a hundred`() async throws {
        let player = Self.shared + "/tools/recorded.py"
        guard access(player, R_OK) == 0 else {
            return Skipped.tell("the sandbox beside recorded sessions: \(player) is not here")
        }
        let run = try await offPool { () throws -> ProgramRun? in
            guard try ProgramRun(["/usr/bin/env", "python3", "--version"]).status == 0 else { return nil }
            let sandbox = try SandboxProcess()
            defer { sandbox.stop() }
            return try ProgramRun([
                "/bin/sh", "-c", "exec python3 \"$0\" \"$1\" \"$2\"/*.json", player, sandbox.url,
                Self.shared + "/stripe/recorded",
            ])
        }
        guard let run else { return Skipped.tell("the sandbox beside recorded sessions: python3 is needed") }
        // The last line says it: "7365 passed, 13 failed".
        let words = run.output.split(separator: "\n").last?.split(separator: " ") ?? []
        let counts = words.compactMap { Int($0) }
        try #require(counts.count == 2, "\(run.output)")
        #expect(counts[0] * 100 >= (counts[0] + counts[1]) * 99, "\(run.output)")
        #expect(counts[0] > 7000, "the sessions are all there")
    }
}
