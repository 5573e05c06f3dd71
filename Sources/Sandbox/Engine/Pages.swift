import HTTP
import JSON

/// The few answers that are for people and browsers rather than for API clients.
enum Pages {
    /// The page of a request that asks for one; nil for a request of the API.
    static func answer(_ request: HTTPRequest, _ account: Account, _ keys: SandboxKeys) -> HTTPResponse? {
        if request.method == "OPTIONS" { return preflight }
        guard request.method == "GET" else { return nil }
        if request.path == "/" { return text(200, "text/plain; charset=utf-8", welcome) }
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.count == 3 else { return nil }
        switch (parts[0], parts[1]) {
        case ("p", "session"): return account.portalPage(parts[2], key: keys.publishableKey)
        case ("sandbox", "authenticate"): return account.authenticationPage(parts[2], key: keys.publishableKey)
        case ("sandbox", "checkout"):
            return account.checkoutPage(parts[2], query: request.query, key: keys.publishableKey)
        default: return nil
        }
    }

    private static let welcome = """
        This is the Dues sandbox: Stripe's billing API, emulated offline. Nothing here is real money.

        Point a Stripe client at this address and use any secret key of the form sk_test_... (in a browser: pk_test_...).
        The catalogue has two monthly prices with the lookup keys "basic" and "premium".

            curl -u sk_test_sandbox: 'http://HOST/v1/prices?lookup_keys[]=basic&lookup_keys[]=premium'

        Move time forward:  POST /sandbox/clock/advance  seconds=2678400

        """

    /// Browsers ask first before they call another origin with an Authorization header.
    private static var preflight: HTTPResponse {
        var response = HTTPResponse(status: 204)
        response.headers.add("Access-Control-Allow-Origin", "*")
        response.headers.add("Access-Control-Allow-Methods", "GET, POST, DELETE")
        response.headers.add("Access-Control-Allow-Headers", "Authorization, Content-Type, Stripe-Version")
        response.headers.add("Access-Control-Max-Age", "600")
        return response
    }

    private static func text(_ status: Int, _ type: String, _ body: String) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": type], body: Array(body.utf8))
    }
}
