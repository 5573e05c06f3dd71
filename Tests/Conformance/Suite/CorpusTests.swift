import EventLoop
import JSON
import RPC
import TestSupport
import Testing
import Transcripts

/// One corpus of conversations for the service, however it is reached, and for every client.
@Suite(.serialized) struct CorpusTests {
    @Test func `every transcript says what it needs, in words that are known`() {
        let words = Set(Corpus.Setting.allCases.map(\.rawValue) + Corpus.Ability.allCases.map(\.rawValue))
        for transcript in Corpus.all {
            let needs = transcript.header?.needs ?? []
            #expect(Corpus.Setting(rawValue: needs.first ?? "") != nil, "\(transcript.name) names no setting first")
            #expect(words.isSuperset(of: needs), "\(transcript.name) needs what nobody knows: \(needs)")
        }
        #expect(Corpus.all.count > 30)
    }

    /// What is said on the way is held to the schemas; what nothing of it exercises fails.
    @Test(arguments: Surroundings.Transport.allCases)
    func `the corpus comes true over every transport, and exercises every method and every declared error`(
        transport: Surroundings.Transport
    ) async throws {
        if transport == .tls, !Certificates.canBeMade { return }
        try await offPool {
            let traffic = try Traffic()
            let abilities = Set(Corpus.Ability.allCases.map(\.rawValue))
            // A host that starts a server for itself is asked for no token.
            let asksForTokens = transport != .stdio
            for setting in Corpus.Setting.allCases where asksForTokens || !setting.isAboutTokens {
                let surroundings = try Surroundings(setting, over: transport)
                var replay = Replay(
                    surroundings.target, variables: surroundings.variables, available: abilities.union([setting.rawValue]))
                // A sandbox that ends with its transcript has its port for one at a time; failures are ordered for one, too.
                replay.concurrency = transport != .stdio && setting == .sandbox ? 4 : 1
                replay.observe = traffic.note
                for outcome in try replay.run(Corpus.of(setting)) {
                    if case .passed = outcome.result { continue }
                    Issue.record("over \(transport): \(ReplayReport.text(outcome))")
                }
                surroundings.stop()
            }
            for problem in traffic.problems.prefix(40) { Issue.record("over \(transport): \(problem)") }
            let missing = traffic.declared.subtracting(traffic.exercised)
                .filter { asksForTokens || !$0.isAboutTokens }.map(\.description).sorted()
            #expect(missing.isEmpty, "no transcript exercises \(missing.joined(separator: "; "))")
        }
    }

    /// Three clients at once, each with servers of its own: most of the time somebody waits.
    @Test(arguments: Corpus.Setting.allCases)
    func `the corpus comes true through every client`(setting: Corpus.Setting) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (position, client) in ClientManifest.installed.enumerated() {
                if position >= 3 { try await group.next() }
                group.addTask { try await offPool { try Self.replay(Corpus.of(setting), in: setting, by: client) } }
            }
            try await group.waitForAll()
        }
    }

    private static func replay(_ transcripts: [Transcript], in setting: Corpus.Setting, by client: ClientManifest) throws {
        let abilities = client.features.compactMap { Corpus.Ability(rawValue: $0.rawValue) }
        let available = Set(abilities.map(\.rawValue) + [setting.rawValue])
        let surroundings = try Surroundings(setting, over: .tcp)
        defer { surroundings.stop() }
        let traffic = try Traffic()
        var driver: Driver?
        for transcript in transcripts where available.isSuperset(of: transcript.header?.needs ?? []) {
            let running = try driver ?? Driver(client, surroundings.flags)
            driver = running
            var variables = surroundings.variables
            variables["unique"] = .string("\(client.folder)-\(transcript.name)")
            var player = TranscriptPlayer(
                transcript, on: running.channel, variables, steps: StepRunner(),
                observe: { traffic.note(transcript, $0) })
            guard let failure = player.play().failure else { continue }
            let outcome = Replay.Outcome(transcript: transcript, result: .failed(failure), milliseconds: 0)
            Issue.record("by \(client): \(ReplayReport.text(outcome))")
            driver = nil
        }
        try driver?.end()
        for problem in traffic.problems.prefix(20) { Issue.record("by \(client): \(problem)") }
    }
}
