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
        if parts.count == 3, parts[0] == "p", parts[1] == "session" {
            guard let session = account.portalSession(secret: parts[2]) else {
                return text(404, "text/plain; charset=utf-8", "No such portal session.\n")
            }
            let page = PortalPage(account: account, session: session, publishableKey: keys.publishableKey)
            return text(200, "text/html; charset=utf-8", page.html)
        }
        guard parts.count == 3, parts[0] == "sandbox", parts[1] == "authenticate" else { return nil }
        return authentication(parts[2], account, keys)
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

    /// The bank's page of 3D Secure: two buttons that tell the sandbox how it went and send the browser back.
    private static func authentication(_ id: String, _ account: Account, _ keys: SandboxKeys) -> HTTPResponse {
        let kind: ObjectKind = id.hasPrefix("seti_") ? .setupIntent : .paymentIntent
        guard let intent = account.find(kind, id) else {
            return text(404, "text/plain; charset=utf-8", "No such intent.\n")
        }
        let secret = intent.string("client_secret") ?? ""
        let name = kind == .paymentIntent ? "payment_intent" : "setup_intent"
        let back = intent.object("next_action").object("redirect_to_url").string("return_url") ?? ""
        let data: JSONValue = [
            "intent": .string(id), "name": .string(name), "secret": .string(secret), "back": .string(back),
            "key": .string(keys.publishableKey),
        ]
        // A "<" inside a script would let the text end it.
        let script = data.text.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
        return text(
            200, "text/html; charset=utf-8",
            """
            <!doctype html><meta charset="utf-8"><title>3D Secure (sandbox)</title>
            <h1>3D Secure, as the sandbox plays it</h1>
            <p>The bank asks whether it is you.</p>
            <button onclick="go('succeed')">Complete</button> <button onclick="go('fail')">Fail</button>
            <p id="done"></p>
            <script>
            const data = \(script);
            async function go(outcome) {
              await fetch('/sandbox/authenticate/' + data.intent, {method: 'POST', body: new URLSearchParams(
                {key: data.key, client_secret: data.secret, outcome})});
              const status = outcome === 'succeed' ? 'succeeded' : 'failed';
              if (!data.back) { document.getElementById('done').textContent = status; return; }
              const url = new URL(data.back);
              url.searchParams.set(data.name, data.intent);
              url.searchParams.set(data.name + '_client_secret', data.secret);
              url.searchParams.set('redirect_status', status);
              location.href = url;
            }
            </script>

            """)
    }
}
