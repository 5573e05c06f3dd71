/// The patterns that strings of the contract may have, each as a scan over bytes: there is no regular-expression engine
/// here. The schema generator knows which pattern of the schemas each case stands for.
enum Pattern {
    /// Printable ASCII without space / ? #, and neither "." nor "..": safe as one segment of a URL's path.
    case identifier
    /// Three letters in lower case.
    case currency
    /// Two letters in upper case.
    case country
    /// Something, one @, something; no spaces.
    case email
    /// Anything without square brackets, which Stripe's form encoding needs for itself.
    case metadataKey
    /// Printable ASCII and spaces.
    case printable
    /// An http or https URL, without spaces.
    case webAddress
    /// Bearer and a token.
    case bearer
    /// Words of letters, digits and _, with dots between them, .* at the end for whatever follows; or * alone.
    case eventTypes
    /// W3C trace context, version 00's form.
    case traceparent

    /// Why `text` does not match; nil if it does. Of a secret nothing is said back.
    func complaint(about text: String, isSecret: Bool) -> String? {
        guard let problem = problem(text) else { return nil }
        return isSecret || text.isEmpty ? problem : "\(problem), got \"\(Excerpt.of(text))\""
    }

    private func problem(_ text: String) -> String? {
        let bytes = text.utf8
        switch self {
        case .identifier:
            // Every call has one: its bytes are scanned where they are.
            var text = text
            let offender = text.withUTF8 { bytes in bytes.first { !Self.isIdentifier($0) } }
            if let offender { return "must not contain \(Self.named(offender))" }
            return text == "." || text == ".." ? "must be an id" : nil
        case .currency:
            let isSound = bytes.count == 3 && bytes.allSatisfy { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) }
            return isSound ? nil : "must be a currency code of three lower-case letters"
        case .country:
            let isSound = bytes.count == 2 && bytes.allSatisfy { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }
            return isSound ? nil : "must be a country code of two upper-case letters"
        case .email:
            let parts = bytes.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
            let isSound = parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && !bytes.contains(UInt8(ascii: " "))
            return isSound ? nil : "must be an e-mail address"
        case .metadataKey:
            let bracket = bytes.contains { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "]") }
            return bracket ? "must not have square brackets in its name" : nil
        case .printable:
            return bytes.allSatisfy { (0x20...0x7E).contains($0) } ? nil : "must be printable ASCII"
        case .webAddress:
            let rest = ["https://", "http://"].first(where: text.hasPrefix).map { bytes.dropFirst($0.utf8.count) }
            let isSound = rest.map { !$0.isEmpty && $0.allSatisfy { (0x21...0x7E).contains($0) } } ?? false
            return isSound ? nil : "must be an address that begins with http:// or https://"
        case .bearer:
            let token = text.hasPrefix("Bearer ") ? text.utf8.dropFirst(7) : ""[...].utf8
            let isSound = !token.isEmpty && token.allSatisfy { (0x21...0x7E).contains($0) }
            return isSound ? nil : "must be Bearer, one space, and a token"
        case .eventTypes:
            return Self.areEventTypes(text) ? nil : "must be a type of event such as invoice.paid, invoice.* or *"
        case .traceparent:
            return Self.isTraceparent(Array(bytes)) ? nil : "must be a W3C traceparent"
        }
    }

    private static func isIdentifier(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: "/") && byte != UInt8(ascii: "?")
            && byte != UInt8(ascii: "#")
    }

    private static func named(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: " "): "a space"
        case 0..<0x20, 0x7F: "a control character"
        case 0x80...: "characters beyond ASCII"
        default: "\"\(Character(Unicode.Scalar(byte)))\""
        }
    }

    private static func areEventTypes(_ text: String) -> Bool {
        if text == "*" { return true }
        var words = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        if words.count > 1, words.last?.elementsEqual("*".utf8) == true { words.removeLast() }
        return words.allSatisfy { word in
            !word.isEmpty
                && word.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                        true
                    default: false
                    }
                }
        }
    }

    /// Version, trace id, parent id and flags in lower-case hexadecimal digits (https://www.w3.org/TR/trace-context/).
    private static func isTraceparent(_ bytes: [UInt8]) -> Bool {
        guard bytes.count == 55 else { return false }
        return bytes.indices.allSatisfy { index in
            if [2, 35, 52].contains(index) { return bytes[index] == UInt8(ascii: "-") }
            switch bytes[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): return true
            default: return false
            }
        }
    }
}

/// The contract's ids: those of Stripe's objects, and of a caller's choosing where Stripe lets one choose.
package enum Identifier {
    /// Whether `text` is one, as params take it.
    package static func isValid(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255 && Pattern.identifier.complaint(about: text, isSecret: true) == nil
    }
}
