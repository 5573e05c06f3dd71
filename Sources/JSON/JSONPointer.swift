/// JSON Pointers (RFC 6901), the names of places inside a message.
package enum JSONPointer {
    /// `parent` followed by the member or index `token`, escaped as the RFC says.
    package static func appending(_ token: String, to parent: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else {
            return parent + "/" + token
        }
        var escaped = ""
        for character in token.unicodeScalars {
            switch character {
            case "~": escaped += "~0"
            case "/": escaped += "~1"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return parent + "/" + escaped
    }
}
