/// How names of the schemas are spelled in each language.
enum Names {
    /// The words of a camelCase, PascalCase, snake_case or dotted name, in lower case.
    static func words(_ name: String) -> [String] {
        var words: [String] = []
        var previous: Character = "_"
        for character in name {
            if character == "_" || character == "." || character == "-" {
                previous = "_"
                continue
            }
            let startsWord = previous == "_" || (character.isUppercase && !previous.isUppercase)
            if startsWord { words.append("") }
            words[words.count - 1].append(contentsOf: character.lowercased())
            previous = character
        }
        return words
    }

    /// customerId, timeoutMilliseconds (for timeoutMs), rpcHello, noSuchCustomer.
    static func swiftValue(_ name: String) -> String {
        var words = words(name)
        if words.count > 1, words.last == "ms" { words[words.count - 1] = "milliseconds" }
        return words.first.map { $0 + words.dropFirst().map(capitalized).joined() } ?? name
    }

    /// The same, in backticks where Swift needs them.
    static func swiftDeclared(_ name: String) -> String {
        let value = swiftValue(name)
        return keywords.contains(value) ? "`\(value)`" : value
    }

    private static let keywords: Set<String> = [
        "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit", "do",
        "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for", "func", "guard", "if", "import",
        "in", "init", "inout", "internal", "is", "let", "nil", "operator", "precedencegroup", "private", "protocol",
        "public", "repeat", "rethrows", "return", "self", "static", "struct", "subscript", "super", "switch", "throw",
        "throws", "true", "try", "typealias", "var", "where", "while",
    ]

    /// CreateCustomer, RPCHello.
    static func swiftType(_ method: String) -> String {
        words(method).map { $0 == "rpc" ? "RPC" : capitalized($0) }.joined()
    }

    /// customer_id, create_customer, rpc_hello.
    static func snake(_ name: String) -> String { words(name).joined(separator: "_") }

    /// customerId, createCustomer, rpcHello.
    static func camel(_ name: String) -> String {
        let words = words(name)
        return words.prefix(1).joined() + words.dropFirst().map(capitalized).joined()
    }

    /// CustomerId, CreateCustomer, RpcHello.
    static func pascal(_ name: String) -> String { words(name).map(capitalized).joined() }

    static func capitalized(_ word: String) -> String { word.prefix(1).uppercased() + word.dropFirst() }
}
