/// One request in libcurl's hands: its handle, what that points to, and the response as it comes.
internal import CCurl

final class CurlTransfer {
    let handle: CurlHandle
    let deadline: Int64
    let timeoutMilliseconds: Int64
    let completion: ClientInbox.Completion
    /// Lives as long as the handle may refer to it.
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let maximumResponseBytes: Int
    private let maximumHeaderBytes: Int
    private var headers = HTTPHeaders()
    private var headerBytes = 0
    /// After the final response's blank line: fields that still come are a chunked body's trailers, which are dropped.
    private var headersAreComplete = false
    private var body: [UInt8] = []
    /// Why a callback stopped the transfer.
    private var refusal: String?

    var easy: UnsafeMutableRawPointer { handle.easy }

    init(_ submission: ClientInbox.Submission, on handle: CurlHandle, _ configuration: HTTPClientConfiguration) {
        self.handle = handle
        deadline = submission.deadline
        timeoutMilliseconds = submission.timeoutMilliseconds
        completion = submission.completion
        maximumResponseBytes = configuration.maximumResponseBytes
        maximumHeaderBytes = configuration.maximumHeaderBytes
        write(submission.request)
        handle.problem.pointee = 0
        // Unretained: the engine keeps the transfer until it has taken the handle out of libcurl.
        let me = Unmanaged.passUnretained(self).toOpaque()
        dues_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        dues_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
    }

    deinit { curl_slist_free_all(headerList) }

    // MARK: Outcome

    /// Whether any byte of the request left this process. Counts what libcurl wrote, over every connection it tried.
    var mayHaveBeenSent: Bool {
        var bytes = 0
        dues_curl_get_number(easy, CURLINFO_REQUEST_SIZE, &bytes)
        return bytes > 0
    }

    func failed(_ kind: HTTPClientError.Kind, _ message: String) -> Result<HTTPResponse, HTTPClientError> {
        .failure(HTTPClientError(kind: kind, message: message, mayHaveBeenSent: mayHaveBeenSent))
    }

    func result(_ code: CURLcode) -> Result<HTTPResponse, HTTPClientError> {
        if let refusal { return failed(.responseTooLarge, refusal) }
        guard code == CURLE_OK else {
            let problem = handle.problem
            let words = problem.pointee == 0 ? String(cString: curl_easy_strerror(code)) : String(cString: problem)
            return failed(
                code == CURLE_SSL_CONNECT_ERROR && Self.tellsOfBreak(words) ? .connect : Self.kind(of: code), words)
        }
        var status = 0
        dues_curl_get_number(easy, CURLINFO_RESPONSE_CODE, &status)
        return .success(HTTPResponse(status: status, headers: headers, body: body))
    }

    /// Whether a handshake ended because its connection did: libcurl has one code for that and for what TLS refuses.
    private static func tellsOfBreak(_ words: String) -> Bool {
        ["Connection reset", "Broken pipe", "SSL_ERROR_SYSCALL", "unexpected eof"].contains { words.contains($0) }
    }

    private static func kind(of code: CURLcode) -> HTTPClientError.Kind {
        switch code {
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_PROXY: .connect
        // Only connecting is timed by libcurl; the whole request is timed by the engine.
        case CURLE_OPERATION_TIMEDOUT: .connect
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_PINNEDPUBKEYNOTMATCH,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT:
            .tls
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE, CURLE_HTTP2,
            CURLE_HTTP2_STREAM, CURLE_SSL_SHUTDOWN_FAILED:
            .connectionLost
        case CURLE_URL_MALFORMAT: .invalidRequest
        default: .protocolError
        }
    }

    // MARK: Request

    private func write(_ request: HTTPRequest) {
        dues_curl_set_text(easy, CURLOPT_URL, request.target)
        // Over TLS, wait for the first connection to say whether it can be shared.
        dues_curl_set_number(easy, CURLOPT_PIPEWAIT, request.target.hasPrefix("https:") ? 1 : 0)
        // The handle may have served a request of another kind.
        dues_curl_set_pointer(easy, CURLOPT_CUSTOMREQUEST, nil)
        dues_curl_set_number(easy, CURLOPT_HTTPGET, 1)
        switch request.method {
        case "GET" where request.body.isEmpty: break
        case "HEAD": dues_curl_set_number(easy, CURLOPT_NOBODY, 1)
        default:
            if request.method == "POST" || !request.body.isEmpty {
                dues_curl_set_number(easy, CURLOPT_POST, 1)
                dues_curl_set_large(easy, CURLOPT_POSTFIELDSIZE_LARGE, Int64(request.body.count))
                request.body.withUnsafeBytes { bytes in
                    // libcurl copies as many bytes as the size says; an empty array may have no address.
                    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
                    if let start { dues_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, start) }
                }
                if request.body.isEmpty { dues_curl_set_text(easy, CURLOPT_COPYPOSTFIELDS, "") }
            }
            if request.method != "POST" { dues_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method) }
        }
        for field in request.headers.fields {
            // libcurl writes an empty field only where a semicolon asks for it; with a colon it would remove one.
            append(field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        // Never "100-continue": a server that ignores it would cost a second a call.
        append("Expect:")
        if request.headers["Content-Type"] == nil { append("Content-Type:") }
        dues_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList)
    }

    private func append(_ line: String) { headerList = curl_slist_append(headerList, line) }

    // MARK: Response

    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= maximumHeaderBytes else {
            refusal = "the response has more than \(maximumHeaderBytes) bytes of header fields"
            return false
        }
        let text = Self.trimmed(line[...])
        if text.starts(with: "HTTP/".utf8) {
            // A status line: of the final response, after those of any 1xx.
            headers = [:]
            headersAreComplete = false
        } else if text.isEmpty {
            headersAreComplete = true
        } else if !headersAreComplete, let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            headers.add(
                String(decoding: Self.trimmed(text[..<colon]), as: UTF8.self),
                String(decoding: Self.trimmed(text[(colon + 1)...]), as: UTF8.self))
        }
        return true
    }

    func receiveBody(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard body.count + piece.count <= maximumResponseBytes else {
            refusal = "the response has more than \(maximumResponseBytes) bytes"
            return false
        }
        body.append(contentsOf: piece)
        return true
    }

    /// Without the white space (RFC 9110 section 5.6.3) and line end around it.
    private static func trimmed(_ bytes: Slice<UnsafeRawBufferPointer>) -> Slice<UnsafeRawBufferPointer> {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var rest = bytes
        while let first = rest.first, isSpace(first) { rest = rest.dropFirst() }
        while let last = rest.last, isSpace(last) { rest = rest.dropLast() }
        return rest
    }
}
