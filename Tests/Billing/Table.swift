/// Rules as text tables: a row a case, columns apart by `|`, the last column the outcome, `-` for nothing.
internal import Testing

struct Row: Sendable, CustomTestStringConvertible {
    let cells: [String]

    var testDescription: String { cells.joined(separator: " | ") }

    /// A cell as a number; nil for `-`.
    func number(_ column: Int) -> Int64? {
        guard cells[column] != "-" else { return nil }
        guard let number = Int64(cells[column]) else { preconditionFailure("no number: \(cells[column])") }
        return number
    }

    func text(_ column: Int) -> String? { cells[column] == "-" ? nil : cells[column] }
}

/// The rows below the first line, which names the columns.
func table(_ text: String) -> [Row] {
    let lines = text.split(separator: "\n").map { line in
        line.split(separator: "|", omittingEmptySubsequences: false).map { cell in
            String(cell.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
    }
    precondition(lines.allSatisfy { $0.count == lines[0].count }, "a row has more or fewer columns than the first line")
    return lines.dropFirst().map { Row(cells: $0) }
}

/// A reproducible stream of numbers (SplitMix64); tests name the seed when they fail.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
