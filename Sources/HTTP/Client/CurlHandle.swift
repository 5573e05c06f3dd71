/// One of libcurl's easy handles, with the options that are the same for every request of a client. It serves one transfer at
/// a time, and the next one after it.
internal import CCurl

final class CurlHandle {
    let easy: UnsafeMutableRawPointer
    /// libcurl's own words for a failure; at least CURL_ERROR_SIZE bytes, as long as the handle lives.
    let problem: UnsafeMutablePointer<CChar>

    init(_ driver: OpaquePointer, _ configuration: HTTPClientConfiguration) {
        guard let easy = curl_easy_init() else { preconditionFailure("curl_easy_init fails only without memory") }
        self.easy = easy
        problem = .allocate(capacity: Int(CURL_ERROR_SIZE))
        problem.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        dues_curl_drive(easy, driver)
        dues_curl_set_pointer(easy, CURLOPT_ERRORBUFFER, problem)
        aim(configuration)
        listen()
    }

    deinit {
        curl_easy_cleanup(easy)
        problem.deallocate()
    }

    private func aim(_ configuration: HTTPClientConfiguration) {
        dues_curl_set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        // The target goes out as it was written; libcurl would resolve `/../` in it.
        dues_curl_set_number(easy, CURLOPT_PATH_AS_IS, 1)
        dues_curl_set_number(easy, CURLOPT_FOLLOWLOCATION, 0)
        dues_curl_set_number(easy, CURLOPT_NOSIGNAL, 1)
        // A transfer that ends while its name is being resolved does not wait for the resolver's thread.
        dues_curl_set_number(easy, CURLOPT_QUICK_EXIT, 1)
        dues_curl_set_number(easy, CURLOPT_TCP_KEEPALIVE, 1)
        // What one read takes, kept with each handle: as much as an answer of Stripe's has, and not 16 KiB.
        dues_curl_set_number(easy, CURLOPT_BUFFERSIZE, 4096)
        dues_curl_set_number(
            easy, CURLOPT_CONNECTTIMEOUT_MS, Int(max(configuration.connectTimeoutMilliseconds, 1)))
        dues_curl_set_number(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        // Empty, not unset: unset means "look in the environment".
        dues_curl_set_text(easy, CURLOPT_PROXY, configuration.proxy ?? "")
        dues_curl_set_text(easy, CURLOPT_NOPROXY, "")
        if let caFile = configuration.caFile { dues_curl_set_text(easy, CURLOPT_CAINFO, caFile) }
    }

    /// What comes goes to the transfer that stands in HEADERDATA and WRITEDATA.
    private func listen() {
        dues_curl_set_sink(easy, CURLOPT_HEADERFUNCTION) { bytes, _, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let line = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<CurlTransfer>.fromOpaque(transfer).takeUnretainedValue().receiveHeader(line) ? count : 0
        }
        dues_curl_set_sink(easy, CURLOPT_WRITEFUNCTION) { bytes, _, count, transfer in
            guard let bytes, let transfer else { return 0 }
            let piece = UnsafeRawBufferPointer(start: bytes, count: count)
            return Unmanaged<CurlTransfer>.fromOpaque(transfer).takeUnretainedValue().receiveBody(piece) ? count : 0
        }
    }
}
