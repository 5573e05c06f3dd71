import HTTP

/// Which requests of browsers come from the sandbox's own pages. Its owner's orders need a key that anybody can guess, so
/// that a page of the web, open in a browser on this machine, could give them too: it is told apart by the headers that
/// browsers add and pages cannot change. Programs send neither of them.
enum BrowserOrigin {
    /// Why an order of the owner is not taken; nil for whatever may go on.
    static func refusal(_ request: HTTPRequest, _ caller: Caller) -> APIFailure? {
        guard caller == .secret, request.method != "GET", request.path.hasPrefix("/sandbox/"), isForeign(request) else {
            return nil
        }
        return APIFailure(403, "The sandbox takes orders from programs and from its own page, not from other pages.")
    }

    private static func isForeign(_ request: HTTPRequest) -> Bool {
        if let site = request.headers["Sec-Fetch-Site"], site != "same-origin" { return true }
        guard let origin = request.headers["Origin"] else { return false }
        guard let host = request.headers["Host"] else { return true }
        return !isOwn(host: host) || !["http://\(host)", "https://\(host)"].contains(origin)
    }

    /// Whether a host is this machine by its address or as `localhost`. Any other name may be one that a stranger lets
    /// point here.
    static func isOwn(host: String) -> Bool {
        if host.hasPrefix("[") { return true }
        let name = host.prefix { $0 != ":" }.lowercased()
        return name == "localhost" || name.hasSuffix(".localhost") || name.allSatisfy { $0.isNumber || $0 == "." }
    }
}
