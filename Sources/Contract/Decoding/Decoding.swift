/// Collects every violation of one message while its params are decoded, in the order of the message.
import JSON

struct Decoding {
    /// Violations that an error lists, so that an answer stays far shorter than the line that caused it.
    static let listedViolations = 100

    /// A step from a value into one inside it.
    enum Step: ExpressibleByStringLiteral {
        case member(StaticString)
        case key(String)
        case index(Int)

        init(stringLiteral name: StaticString) { self = .member(name) }
    }

    /// What params._meta says.
    var metadata = CallMetadata()
    /// From params to the object or array that is being read.
    private var path: [Step] = []
    private var violations: [Violation] = []
    private var unlisted = 0

    /// Whether there is no violation so far.
    var isSound: Bool { violations.isEmpty }

    /// Every violation; the last one says how many more there are than an error lists.
    var allViolations: [Violation] {
        guard unlisted > 0 else { return violations }
        return violations + [
            Violation(pointer: "", rule: "violations", message: "\(unlisted) more violations are not listed")
        ]
    }

    /// Notes a violation at `step` inside the value that is being read, or at that value itself for nil.
    mutating func violate(_ step: Step?, _ rule: String, _ message: @autoclosure () -> String) {
        guard violations.count < Self.listedViolations else {
            unlisted += 1
            return
        }
        violations.append(Violation(pointer: pointer(to: step), rule: rule, message: message()))
    }

    /// Runs `body` one step further inside.
    mutating func inside<Value>(
        _ step: Step, _ body: (inout Decoding) throws(JSONError) -> Value
    ) throws(JSONError) -> Value {
        path.append(step)
        defer { path.removeLast() }
        return try body(&self)
    }

    private func pointer(to step: Step?) -> String {
        var pointer = ""
        for step in path { pointer = Self.appending(step, to: pointer) }
        if let step { pointer = Self.appending(step, to: pointer) }
        return pointer
    }

    private static func appending(_ step: Step, to pointer: String) -> String {
        switch step {
        case .member(let name): JSONPointer.appending(name.description, to: pointer)
        case .key(let key): JSONPointer.appending(Excerpt.of(key, scalars: 100), to: pointer)
        case .index(let index): JSONPointer.appending(String(index), to: pointer)
        }
    }
}

/// Parts of what a caller sent, short enough to be said back.
package enum Excerpt {
    /// `text` cut at `scalars` Unicode scalars: a Character may have any number of bytes.
    package static func of(_ text: String, scalars: Int = 40) -> String {
        guard text.utf8.count > scalars else { return text }
        let kept = text.unicodeScalars.prefix(scalars)
        return kept.endIndex == text.endIndex ? text : String(kept) + "…"
    }
}
