/// What a request must be like to be written down as HTTP without saying more than was meant.
enum HTTPRequestRules {
    /// - Throws: `.invalidRequest`, naming the part but not its value.
    static func check(_ request: HTTPRequest) throws(HTTPClientError) {
        guard isToken(request.method) else { throw invalid("the method is not a token") }
        guard request.target.hasPrefix("http://") || request.target.hasPrefix("https://") else {
            throw invalid("the target is not an http or https URL")
        }
        guard all(request.target, { $0 > 0x20 && $0 != 0x7F }) else {
            throw invalid("the target holds a space or a control character")
        }
        for field in request.headers.fields {
            guard isToken(field.name) else { throw invalid("a header field's name is not a token") }
            guard all(field.value, { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw invalid("the header field \(field.name) holds a control character")
            }
        }
    }

    /// RFC 9110 section 5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && all(text) { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"):
                    true
                default: punctuation.contains(byte)
                }
            }
    }

    private static let punctuation = Array("!#$%&'*+-.^_`|~".utf8)

    private static func all(_ text: String, _ isFine: (UInt8) -> Bool) -> Bool {
        var text = text
        return text.withUTF8 { $0.allSatisfy(isFine) }
    }

    private static func invalid(_ message: String) -> HTTPClientError {
        HTTPClientError(kind: .invalidRequest, message: message, mayHaveBeenSent: false)
    }
}
