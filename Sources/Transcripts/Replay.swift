internal import Crypto
package import EventLoop
internal import JSON
internal import RPC
internal import Synchronization

/// Plays transcripts against a server, each on a connection of its own, one after the other or several at a time.
package struct Replay: Sendable {
    package var target: ReplayTarget
    package var variables: Variables
    /// What the surroundings have; a transcript that needs anything else is skipped.
    package var available: Set<String>
    /// How many transcripts run at the same time.
    package var concurrency = 1
    package var isUpdating = false
    /// Told of every message, from whichever thread it passes.
    package var observe: @Sendable (_ transcript: Transcript, TranscriptPlayer.Traffic) -> Void = { _, _ in }

    package init(_ target: ReplayTarget, variables: Variables = Variables(), available: Set<String> = []) {
        self.target = target
        self.variables = variables
        self.available = available
    }

    /// How a transcript ended.
    package struct Outcome: Sendable {
        /// With what was updated, if that was asked for.
        package var transcript: Transcript
        package let result: Result
        package let milliseconds: Int64

        package init(transcript: Transcript, result: Result, milliseconds: Int64) {
            self.transcript = transcript
            self.result = result
            self.milliseconds = milliseconds
        }

        package enum Result: Sendable {
            case passed
            case failed(ReplayFailure)
            case skipped(because: String)
        }
    }

    /// Plays them all; the outcomes are in the order of the transcripts. `onOutcome` is told of each as it is there, one at a time.
    package func run(
        _ transcripts: [Transcript], onOutcome: @escaping @Sendable (Outcome) -> Void = { _ in }
    ) throws(SystemError) -> [Outcome] {
        let state = Mutex<(next: Int, outcomes: [Outcome?])>((0, Array(repeating: nil, count: transcripts.count)))
        let work: @Sendable () -> Void = {
            while let index = state.withLock({ state in
                defer { state.next += 1 }
                return state.next < transcripts.count ? state.next : nil
            }) {
                let outcome = play(transcripts[index])
                state.withLock { state in
                    state.outcomes[index] = outcome
                    onOutcome(outcome)
                }
            }
        }
        var threads: [Thread] = []
        for _ in 1..<max(1, min(concurrency, transcripts.count)) { threads.append(try Thread.start(work)) }
        work()
        for thread in threads { thread.join() }
        return state.withLock { $0.outcomes.compactMap(\.self) }
    }

    private func play(_ transcript: Transcript) -> Outcome {
        let begun = EventLoop.monotonicMilliseconds()
        let missing = (transcript.header?.needs ?? []).filter { !available.contains($0) }
        guard missing.isEmpty else {
            return Outcome(
                transcript: transcript, result: .skipped(because: "needs \(missing.joined(separator: ", "))"),
                milliseconds: 0)
        }
        var variables = variables
        variables[Variables.unique] = .string(Encoding.hexadecimal(randomBytes(8)))
        var played = transcript
        var failure: ReplayFailure?
        do throws(SystemError) {
            let connection = try target.connect()
            var player = TranscriptPlayer(
                transcript, on: connection.channel, variables, steps: StepRunner(), isUpdating: isUpdating
            ) { observe(transcript, $0) }
            (played, failure) = player.play()
            connection.channel.finishSending()
            connection.child?.end()
        } catch {
            failure = ReplayFailure(line: 0, text: "(no connection)", differences: [Difference("", "\(error)")])
        }
        return Outcome(
            transcript: played, result: failure.map { .failed($0) } ?? .passed,
            milliseconds: EventLoop.monotonicMilliseconds() - begun)
    }
}
