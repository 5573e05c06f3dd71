import Foundation
import Testing
import Transcripts

/// The transcripts that say how the service behaves, by what each needs around it.
enum Corpus {
    /// Surroundings in which transcripts run.
    enum Setting: String, CaseIterable, CustomTestStringConvertible {
        /// A server with a sandbox of its own.
        case sandbox
        /// The same, for one at a time: because it orders bad days, moves the clock, or looks at all there is.
        case alone
        /// The same, where callers are asked for tokens.
        case tokens
        /// The same, and there is a guesser at work who is not listened to any more.
        case guesser
        /// The same, for more wrong tokens than one server listens to.
        case strangers
        /// The same with room for little.
        case tight
        /// A server whose methods fail as they are told to, by `POST ${failures}/METHOD/REASON`.
        case scripted

        var testDescription: String { rawValue }
        var isAboutTokens: Bool { [.tokens, .guesser, .strangers].contains(self) }
    }

    /// What a transcript may need of whoever plays it, besides its setting.
    enum Ability: String, CaseIterable {
        /// The bytes are the server's own affair: framing, envelopes, batches. Clients never show them.
        case wire
        /// Calls that are taken back, that have a deadline, that run beside others, and streams.
        case cancellation, deadlines, concurrency, streams
    }

    static let all: [Transcript] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".jsonl") }.sorted().compactMap { name in
            do {
                let text = try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
                return try Transcript(name: name, text: text)
            } catch {
                Issue.record("\(error)")
                return nil
            }
        }
    }()

    /// The transcripts of `setting`: the one that they name first among their needs.
    static func of(_ setting: Setting) -> [Transcript] { all.filter { $0.header?.needs.first == setting.rawValue } }
}
