import HTTP
import JSON

/// The few answers that are for people and browsers rather than for API clients.
enum Pages {
    /// The page of a request that asks for one; nil for a request of the API.
    static func answer(_ request: HTTPRequest, _ account: Account, _ keys: SandboxKeys) -> HTTPResponse? {
        if request.method == "OPTIONS" { return preflight }
        guard request.method == "GET" else { return nil }
        if request.path == "/" { return overview(request, account, keys) }
        if let asset = HTMLPage.asset(at: request.path) { return asset }
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count == 3 else { return nil }
        switch (parts[0], parts[1]) {
        case ("p", "session"): return account.portalPage(parts[2], key: keys.publishableKey)
        case ("sandbox", "objects") where showsItself(to: request, keys):
            return ObjectPage(account: account, id: parts[2]).response
        case ("sandbox", "authenticate"): return account.authenticationPage(parts[2], key: keys.publishableKey)
        case ("sandbox", "checkout"):
            return account.checkoutPage(parts[2], query: request.query, key: keys.publishableKey)
        default: return nil
        }
    }

    /// The owner's pages show everything and carry a key: not where keys are told apart, and not under a name that a web site
    /// may have lent to this address, whose pages could then read ours.
    private static func showsItself(to request: HTTPRequest, _ keys: SandboxKeys) -> Bool {
        !keys.isStrict && request.headers["Host"].map(BrowserOrigin.isOwn) ?? true
    }

    private static func overview(_ request: HTTPRequest, _ account: Account, _ keys: SandboxKeys) -> HTTPResponse {
        guard showsItself(to: request, keys) else {
            return HTMLPage.response(
                title: "Dues sandbox",
                """
                <h1>Dues sandbox</h1>
                <p>Stripe's billing API, offline. The page that shows what is in it is at its address on this machine, such as
                http://127.0.0.1:7173, and not where it was started with strict keys.</p>
                """)
        }
        return OverviewPage(
            account: account, host: request.headers["Host"] ?? "localhost", key: keys.secretKey
        ).response
    }

    /// Browsers ask first before they call another origin with an Authorization header.
    private static var preflight: HTTPResponse {
        var response = HTTPResponse(status: 204)
        response.headers.add("Access-Control-Allow-Origin", "*")
        response.headers.add("Access-Control-Allow-Methods", "GET, POST, DELETE")
        response.headers.add("Access-Control-Allow-Headers", "Authorization, Content-Type, Stripe-Version")
        response.headers.add("Access-Control-Max-Age", "600")
        return response
    }
}
