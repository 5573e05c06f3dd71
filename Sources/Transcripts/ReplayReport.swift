/// How a replay went, for people and for machines that collect test results.
package enum ReplayReport {
    /// A line for each transcript; below one that failed, the line that did not come true and every difference.
    package static func text(_ outcome: Replay.Outcome) -> String {
        let transcript = outcome.transcript
        switch outcome.result {
        case .passed: return "ok      \(transcript.name): \(transcript.title) (\(outcome.milliseconds) ms)\n"
        case .skipped(let why): return "skipped \(transcript.name): \(transcript.title): \(why)\n"
        case .failed(let failure):
            let differences = failure.differences.map { "          \($0)\n" }.joined()
            let line = Secrets.masked(failure.text)
            let shown = line.count > 400 ? line.prefix(400) + "…" : line
            return "FAILED  \(transcript.name):\(failure.line): \(transcript.title)\n        \(shown)\n\(differences)"
        }
    }

    /// `2 passed, 1 failed`, and how many were skipped where some were.
    package static func summary(_ outcomes: [Replay.Outcome]) -> String {
        let (passed, failed, skipped) = counts(outcomes)
        return "\(passed) passed, \(failed) failed" + (skipped > 0 ? ", \(skipped) skipped" : "") + "\n"
    }

    package static func failures(_ outcomes: [Replay.Outcome]) -> Int { counts(outcomes).failed }

    private static func counts(_ outcomes: [Replay.Outcome]) -> (passed: Int, failed: Int, skipped: Int) {
        outcomes.reduce(into: (0, 0, 0)) { counts, outcome in
            switch outcome.result {
            case .passed: counts.0 += 1
            case .failed: counts.1 += 1
            case .skipped: counts.2 += 1
            }
        }
    }

    /// The same as JUnit's XML, as Jenkins and others read it (https://llg.cubic.org/docs/junit/).
    package static func junit(_ outcomes: [Replay.Outcome]) -> String {
        let (_, failed, skipped) = counts(outcomes)
        let total = outcomes.reduce(0) { $0 + $1.milliseconds }
        var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        xml += "<testsuite name=\"transcripts\" tests=\"\(outcomes.count)\" failures=\"\(failed)\""
        xml += " skipped=\"\(skipped)\" errors=\"0\" time=\"\(seconds(total))\">\n"
        for outcome in outcomes {
            let name = escaped(outcome.transcript.title)
            let file = escaped(outcome.transcript.name)
            xml += "  <testcase name=\"\(name)\" classname=\"\(file)\" time=\"\(seconds(outcome.milliseconds))\""
            switch outcome.result {
            case .passed: xml += "/>\n"
            case .skipped(let why): xml += "><skipped message=\"\(escaped(why))\"/></testcase>\n"
            case .failed(let failure):
                let first = failure.differences.first.map(\.description) ?? ""
                xml += "><failure message=\"\(escaped(first))\">\(escaped(text(outcome)))</failure></testcase>\n"
            }
        }
        return xml + "</testsuite>\n"
    }

    private static func seconds(_ milliseconds: Int64) -> String {
        "\(milliseconds / 1000).\(String(1000 + milliseconds % 1000).dropFirst())"
    }

    /// Text in XML 1.0, which has no way to write most control characters.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "\n", "\t": escaped.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: escaped += "\u{FFFD}"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
