/// One request in libcurl's hands: an easy handle, what it points to, and the response as it comes.
internal import CCurl

final class CurlTransfer {
    let easy: UnsafeMutableRawPointer
    let deadline: Int64
    let timeoutMilliseconds: Int64
    let completion: ClientInbox.Completion
    /// Lives as long as the handle, which refers to it.
    private var headerList: UnsafeMutablePointer<curl_slist>?
    /// libcurl's own words for a failure; at least CURL_ERROR_SIZE bytes, as long as the handle lives.
    private let problem: UnsafeMutablePointer<CChar>
    private let maximumResponseBytes: Int
    private let maximumHeaderBytes: Int
    private var headers = HTTPHeaders()
    private var headerBytes = 0
    /// After the final response's blank line: fields that still come are a chunked body's trailers, which are dropped.
    private var headersAreComplete = false
    private var body: [UInt8] = []
    /// Why a callback stopped the transfer.
    private var refusal: String?

    /// - Throws: `.invalidRequest`.
    init(
        _ submission: ClientInbox.Submission, _ configuration: HTTPClientConfiguration
    ) throws(HTTPClientError) {
        try HTTPRequestRules.check(submission.request)
        guard let easy = curl_easy_init() else { preconditionFailure("curl_easy_init fails only without memory") }
        self.easy = easy
        deadline = submission.deadline
        timeoutMilliseconds = submission.timeoutMilliseconds
        completion = submission.completion
        maximumResponseBytes = configuration.maximumResponseBytes
        maximumHeaderBytes = configuration.maximumHeaderBytes
        problem = .allocate(capacity: Int(CURL_ERROR_SIZE))
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        aim(at: submission.request, configuration)
        write(submission.request)
        listen()
    }

    deinit {
        curl_easy_cleanup(easy)
        curl_slist_free_all(headerList)
        problem.deallocate()
    }

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

    // MARK: Options

    private func aim(at request: HTTPRequest, _ configuration: HTTPClientConfiguration) {
        dues_curl_set_text(easy, CURLOPT_URL, request.target)
        dues_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        // The target goes out as it was written; libcurl would resolve `/../` in it.
        dues_curl_set_number(easy, CURLOPT_PATH_AS_IS, 1)
        dues_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
        dues_curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
        // A transfer that ends while its name is being resolved does not wait for the resolver's thread.
        dues_curl_set_number(easy, CURLOPT_QUICK_EXIT, 1)
        dues_curl_set_number(easy, CURLOPT_TCP_KEEPALIVE, 1)
        dues_curl_set_number(
            easy, CURLOPT_CONNECTTIMEOUT_MS, Int(max(configuration.connectTimeoutMilliseconds, 1)))
        dues_curl_set_number(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // Over TLS, wait for the first connection to say whether it can be shared.
        if request.target.hasPrefix("https:") { dues_curl_set_number(easy, CURLOPT_PIPEWAIT, 1) }
        // Empty, not unset: unset means "look in the environment".
        dues_curl_set_text(easy, CURLOPT_PROXY, configuration.proxy ?? "")
        dues_curl_set_text(easy, CURLOPT_NOPROXY, "")
        if let caFile = configuration.caFile { dues_curl_set_text(easy, CURLOPT_CAINFO, caFile) }
    }

    private func write(_ request: HTTPRequest) {
        switch request.method {
        case "GET" where request.body.isEmpty: dues_curl_set_number(easy, CURLOPT_HTTPGET, 1)
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
            dues_curl_set_text(easy, CURLOPT_CUSTOMREQUEST, request.method)
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

    private func listen() {
        // Unretained: the engine keeps the transfer until it has taken the handle out of libcurl.
        let me = Unmanaged.passUnretained(self).toOpaque()
        dues_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, problem)
        dues_curl_set_pointer(easy, CURLOPT_HEADERDATA, me)
        dues_curl_set_sink(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let line = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<CurlTransfer>.fromOpaque(transfer).takeUnretainedValue().receiveHeader(line) ? count : 0
        }
        dues_curl_set_pointer(easy, CURLOPT_WRITEDATA, me)
        dues_curl_set_sink(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let piece = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<CurlTransfer>.fromOpaque(transfer).takeUnretainedValue().receiveBody(piece) ? count : 0
        }
    }

    private func receiveHeader(_ line: UnsafeRawBufferPointer) -> Bool {
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

    private func receiveBody(_ piece: UnsafeRawBufferPointer) -> Bool {
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
