/// How names and sentences of the schemas are spelled in Go.
enum GoNames {
    private static let initials = ["id": "ID", "ids": "IDs", "url": "URL", "http": "HTTP", "ms": "Milliseconds"]

    /// CustomerID (for customerId), AgeMilliseconds (for ageMs), PastDue (for PAST_DUE).
    static func exported(_ name: String) -> String {
        Names.words(name).map { initials[$0] ?? Names.capitalized($0) }.joined()
    }

    /// CreateCustomer, and Hello for rpc.hello.
    static func method(_ name: String) -> String {
        exported(name.hasPrefix("rpc.") ? String(name.dropFirst("rpc.".count)) : name)
    }

    /// `text` with the names of `members` in it as Go spells them, save those that are words of the language as well.
    static func spelled(_ text: String, _ members: [MemberModel]) -> String {
        Names.spelled(text, members) { name in name.contains(where: \.isUppercase) ? exported(name) : name }
    }

    /// "Watch events." as the documentation of a function says it: "watches events."
    static func thirdPerson(_ imperative: String) -> String {
        let verb = imperative.prefix { $0 != " " }.lowercased()
        let ending = ["s", "x", "ch", "sh"].contains(where: verb.hasSuffix) ? "es" : "s"
        return verb + ending + imperative.dropFirst(verb.count)
    }

    /// A description that begins with an article or a question's word, as it stands behind "NAME is".
    static func lowered(_ description: String) -> String {
        description.prefix(1).lowercased() + description.dropFirst()
    }
}
