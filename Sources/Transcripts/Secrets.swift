internal import JSON

/// What must not be written down or shown: told by what it is called, or by how it looks.
package enum Secrets {
    /// Members whose value is a secret whatever it looks like, their names in lower case without marks between the words.
    private static let names: Set<String> = [
        "authorization", "token", "accesstoken", "refreshtoken", "password", "passphrase", "secret", "clientsecret",
        "apikey", "secretkey", "privatekey", "signature", "cookie",
    ]

    /// Keys and secrets of Stripe's (https://docs.stripe.com/keys), bearer tokens (RFC 6750), and what is signed like a token of
    /// RFC 7519. Each is replaced where it stands, whatever is around it.
    nonisolated(unsafe) private static let looks: [Regex<Substring>] = [  // a Regex is a value that nothing changes
        /\b(?:sk|rk|pk)_(?:test|live)_[A-Za-z0-9_]+/,
        /\bwhsec_[A-Za-z0-9+\/=_]+/,
        /\b[a-z]{2,8}_[A-Za-z0-9]+_secret_[A-Za-z0-9]+/,
        /\bBearer [!-~]+/,
        /\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/,
    ]

    /// Whether a member's name says that its value is secret.
    package static func isSecret(called name: String) -> Bool {
        names.contains(name.lowercased().filter { $0 != "_" && $0 != "-" })
    }

    /// The secrets that can be told by their looks in `text`.
    static func found(in text: String) -> [Range<String.Index>] {
        looks.flatMap { look in text.ranges(of: look) }
    }

    /// `text` with every secret that can be told by its looks as `***`.
    package static func masked(_ text: String) -> String {
        looks.reduce(text) { text, look in text.replacing(look, with: "***") }
    }
}

/// Values as a person may see them: short, and without secrets.
enum Shown {
    private static let longest = 300

    static func text(_ value: JSONValue, called name: String? = nil) -> String {
        let text = masked(value, called: name).text
        return text.count <= longest ? text : text.prefix(longest) + "…"
    }

    private static func masked(_ value: JSONValue, called name: String?) -> JSONValue {
        switch value {
        case .string(let text):
            return .string(name.map(Secrets.isSecret) == true ? "***" : Secrets.masked(text))
        case .array(let elements): return .array(elements.map { masked($0, called: name) })
        case .object(let object): return .object(JSONObject(object.map { ($0.key, masked($0.value, called: $0.key)) }))
        default: return value
        }
    }
}
