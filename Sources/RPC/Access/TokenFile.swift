internal import Contract
internal import Crypto
internal import JSON

/// Reads the file that names the tokens: one JSON object a line, such as
/// `{"name":"web","sha256":"<64 hexadecimal digits>","scopes":["read","write"]}`.
///
/// The file holds digests, never tokens; still no message repeats anything of it but what the house itself has named, because
/// a token that was pasted into the wrong place must not end in a log.
package enum TokenFile {
    /// Bounds of a file, so that comparing a token with all of them stays cheap.
    package static let maximumTokens = 1000
    package static let maximumNameBytes = 64

    /// The tokens of a file's `bytes`. Blank lines and lines that begin with `#` are ignored; every problem is reported.
    package static func parse(_ bytes: some Collection<UInt8>) throws(TokenFileError) -> TokenTable {
        var collected = Collected()
        let lines = Array(bytes).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let text = line.trimmed
            if text.isEmpty || text.first == UInt8(ascii: "#") { continue }
            collected.read(text, line: index + 1)
        }
        guard collected.problems.isEmpty else { throw TokenFileError(problems: collected.problems) }
        return TokenTable(collected.entries)
    }
}

/// What is wrong with a token file: every problem, with the number of its line.
package struct TokenFileError: Error, Equatable, Sendable, CustomStringConvertible {
    package struct Problem: Equatable, Sendable, CustomStringConvertible {
        /// Counted from 1.
        package let line: Int
        /// One clause for a person, which quotes neither a digest nor a token.
        package let message: String

        package var description: String { "line \(line): \(message)" }
    }

    package let problems: [Problem]

    package var description: String { problems.map(\.description).joined(separator: "; ") }
}

/// What has been read of a file so far.
private struct Collected {
    var entries: [TokenTable.Entry] = []
    var problems: [TokenFileError.Problem] = []
    /// On which line a name, and a digest, was first given.
    private var lineOfName: [String: Int] = [:]
    private var lineOfDigest: [[UInt8]: Int] = [:]

    mutating func read(_ text: ArraySlice<UInt8>, line: Int) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: text)
        } catch {
            // Not the error's own words: they may quote a key.
            return report(line, "this is no strict JSON, from byte \(error.offset) of the line on")
        }
        guard case .object(let members) = value else { return report(line, "a line holds one JSON object") }
        reportUnknown(members, line)
        let name = name(members["name"], line)
        let digest = digest(members["sha256"], line)
        let scopes = scopes(members["scopes"], line)
        guard let name, let digest, let scopes else { return }
        guard entries.count < TokenFile.maximumTokens else {
            return report(line, "a file has at most \(TokenFile.maximumTokens) tokens")
        }
        entries.append(TokenTable.Entry(identity: Identity(name: name, scopes: scopes), digest: digest))
    }

    private mutating func report(_ line: Int, _ message: String) {
        problems.append(TokenFileError.Problem(line: line, message: message))
    }

    private mutating func reportUnknown(_ members: JSONObject, _ line: Int) {
        for key in members.keys where !["name", "sha256", "scopes"].contains(key) {
            report(
                line,
                key == "token"
                    ? "the file holds the SHA-256 of a token (\"sha256\"), never the token"
                    : "there is a member that is none of \"name\", \"sha256\" and \"scopes\"")
        }
    }

    private mutating func name(_ value: JSONValue?, _ line: Int) -> String? {
        guard case .string(let name)? = value else {
            report(line, value == nil ? "\"name\" is missing" : "\"name\" must be a string")
            return nil
        }
        // Names are written to logs: one word, which cannot pass for another line or field.
        guard (1...TokenFile.maximumNameBytes).contains(name.utf8.count), name.utf8.allSatisfy(\.isNameCharacter) else {
            let most = TokenFile.maximumNameBytes
            report(line, "\"name\" must be 1 to \(most) letters, digits or any of \"-_.:@/\"")
            return nil
        }
        if let first = lineOfName.updateIfNew(name, line) {
            report(line, "the name is that of line \(first)")
        }
        return name
    }

    private mutating func digest(_ value: JSONValue?, _ line: Int) -> [UInt8]? {
        guard case .string(let text)? = value else {
            report(line, value == nil ? "\"sha256\" is missing" : "\"sha256\" must be a string")
            return nil
        }
        guard let digest = Digest32.parse(text) else {
            report(line, "\"sha256\" must be 64 hexadecimal digits")
            return nil
        }
        if let first = lineOfDigest.updateIfNew(digest, line) {
            report(line, "the token is that of line \(first)")
        }
        return digest
    }

    private mutating func scopes(_ value: JSONValue?, _ line: Int) -> Set<Scope>? {
        guard case .array(let elements)? = value else {
            report(line, value == nil ? "\"scopes\" is missing" : "\"scopes\" must be an array")
            return nil
        }
        var scopes: Set<Scope> = []
        var isSound = true
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element, let scope = Scope(rawValue: text) else {
                let all = Scope.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
                report(line, "element \(index) of \"scopes\" is none of \(all)")
                isSound = false
                continue
            }
            if !scopes.insert(scope).inserted {
                report(line, "\"scopes\" has \"\(text)\" twice")
                isSound = false
            }
        }
        if elements.isEmpty { report(line, "\"scopes\" is empty: the token could do nothing") }
        return isSound && !elements.isEmpty ? scopes : nil
    }
}

/// SHA-256 as a file writes it.
private enum Digest32 {
    /// The 32 bytes of 64 hexadecimal digits of either case.
    static func parse(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map(\.hexadecimalValue)
        guard digits.count == 64 else { return nil }
        return try? stride(from: 0, to: 64, by: 2).map { index in
            guard let high = digits[index], let low = digits[index + 1] else { throw NoDigit() }
            return high << 4 | low
        }
    }

    private struct NoDigit: Error {}
}

extension Dictionary where Value == Int {
    /// Notes `line` for a new key; answers the line of a key that was there.
    fileprivate mutating func updateIfNew(_ key: Key, _ line: Int) -> Int? {
        if let first = self[key] { return first }
        self[key] = line
        return nil
    }
}

extension UInt8 {
    fileprivate var isNameCharacter: Bool {
        switch self {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-_.:@/".utf8.contains(self)
        }
    }

    fileprivate var hexadecimalValue: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension ArraySlice<UInt8> {
    /// Without the white space of JSON around it, the `\r` of a line end included.
    fileprivate var trimmed: ArraySlice<UInt8> {
        var rest = self
        while let first = rest.first, first == 0x20 || first == 0x09 || first == 0x0D { rest.removeFirst() }
        while let last = rest.last, last == 0x20 || last == 0x09 || last == 0x0D { rest.removeLast() }
        return rest
    }
}
