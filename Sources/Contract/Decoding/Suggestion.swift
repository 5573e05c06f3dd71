/// What a caller may have meant by a member that does not exist.
import JSON

enum Suggestion {
    /// Longer keys are not typing errors, and would only cost time.
    private static let longestKey = 64

    /// The name that is spelled like `key` in another case or style, or the nearest within two typing errors.
    static func nearest(to key: String, in names: JSONNames) -> String? {
        guard key.utf8.count <= longestKey else { return nil }
        let known = names.indices.map { names[$0].description }
        if let sameWord = known.first(where: { plain($0) == plain(key) }) { return sameWord }
        let near = known.map { (name: $0, distance: distance(Array(plain(key)), Array(plain($0)))) }
            .filter { $0.distance <= min(2, $0.name.utf8.count / 3) }
        return near.min { $0.distance < $1.distance }?.name
    }

    /// The letters alone, in lower case: customer_id, CustomerID and customerId are one word.
    private static func plain(_ name: String) -> [Unicode.Scalar] {
        name.lowercased().unicodeScalars.filter { $0 != "_" && $0 != "-" }
    }

    /// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions, and neighbours
    /// swapped.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for row in 1...left.count {
            var current = [row] + [Int](repeating: 0, count: right.count)
            for column in 1...right.count {
                let substitution = left[row - 1] == right[column - 1] ? 0 : 1
                current[column] = min(
                    last[column] + 1, current[column - 1] + 1, last[column - 1] + substitution)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    current[column] = min(current[column], beforeLast[column - 2] + 1)
                }
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
