/// A secret API key that does not show itself: not in text, not in a debugger's dump, not in a mirror.
package struct StripeKey: Sendable, Equatable {
    /// The whole key. For the Authorization header alone: never log it, never put it in an error.
    package let exposedSecret: String

    package enum Mode: String, Sendable {
        case test, live
        /// Not one of the prefixes that Stripe documents.
        case unknown
    }

    /// Nil for what cannot be a key: empty, or with characters that a header field does not carry.
    package init?(_ text: String) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        exposedSecret = text
    }

    package var mode: Mode {
        switch prefix {
        case "sk_test_", "rk_test_": .test
        case "sk_live_", "rk_live_": .live
        default: .unknown
        }
    }

    /// Whether the key has only some permissions (`rk_…`).
    package var isRestricted: Bool { exposedSecret.hasPrefix("rk_") }

    private var prefix: String {
        ["sk_test_", "sk_live_", "rk_test_", "rk_live_"].first { exposedSecret.hasPrefix($0) } ?? ""
    }
}

extension StripeKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The prefix and the last four characters, as Stripe's Dashboard shows a key; of a short key the prefix alone.
    package var description: String {
        exposedSecret.utf8.count >= prefix.utf8.count + 12 ? "\(prefix)…\(exposedSecret.suffix(4))" : "\(prefix)…"
    }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["key": description]) }
}
