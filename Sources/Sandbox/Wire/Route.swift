import JSON

/// One endpoint: its method and path, its parameters as a table, and the rule that answers it.
struct Route: Sendable {
    typealias Handler = @Sendable (Account) -> (Call) throws(APIFailure) -> JSONValue

    let method: String
    /// The path's segments; `{name}` matches any one segment.
    let segments: [String]
    let parameters: [Parameter]
    /// Whether Stripe.js may call it with a publishable key.
    let isForBrowsers: Bool
    let handler: Handler

    init(_ signature: String, _ table: String, browsers: Bool = false, _ handler: @escaping Handler) {
        let parts = signature.split(separator: " ")
        precondition(parts.count == 2, "a route is a method and a path")
        method = String(parts[0])
        segments = parts[1].split(separator: "/").map(String.init)
        parameters = Parameter.table(table + " expand:[text]" + (browsers ? " @browser" : ""))
        isForBrowsers = browsers
        self.handler = handler
    }

    /// The values of the path's placeholders when `path` is of this route.
    func match(_ path: [String]) -> [String]? {
        guard path.count == segments.count else { return nil }
        var values: [String] = []
        for (segment, pattern) in zip(path, segments) {
            if pattern.first == "{" { values.append(segment) } else if pattern != segment { return nil }
        }
        return values
    }
}

/// A call of an endpoint, decoded.
struct Call {
    /// The values of the path's placeholders, in order.
    let path: [String]
    let params: JSONObject
    /// The path of the request, which lists repeat as their `url`.
    let url: String
    let caller: Caller
    /// The `Stripe-Version` that the answer is to be in.
    let apiVersion: String

    /// The first placeholder: the id of the object that the path names.
    var id: String { path.first ?? "" }

    /// What an order of the owner answers: a browser that gave it on the sandbox's page is led back there.
    func answer(_ object: JSONObject) -> JSONValue {
        params.flag("page") ? ["_location": "/"] : .object(object)
    }

    /// Versions are dates first, so that text order is age. 2026-09-30.endive is the last with breaking changes.
    var isBeforeEndive: Bool { Self.isBeforeEndive(apiVersion) }

    static func isBeforeEndive(_ version: String) -> Bool { version < "2026-09-30" }
}

/// Whose key a request carried.
package enum Caller: String, Sendable {
    case secret, publishable
}

/// Every endpoint, by method and number of segments.
struct Router: Sendable {
    private let routes: [String: [Route]]

    static let standard = Router(
        Account.searchRoutes + Account.productRoutes + Account.priceRoutes + Account.planRoutes
            + Account.customerRoutes + Account.taxIDRoutes + Account.customerBalanceRoutes
            + Account.paymentMethodRoutes + Account.paymentIntentRoutes + Account.setupIntentRoutes
            + Account.chargeRoutes + Account.mandateRoutes + Account.captureRoutes + Account.authenticationRoutes
            + Account.refundRoutes + Account.disputeRoutes + Account.balanceRoutes + Account.accountRoutes
            + Account.checkoutRoutes + Account.customerSessionRoutes
            + Account.subscriptionRoutes + Account.pauseRoutes + Account.migrationRoutes
            + Account.subscriptionItemRoutes + Account.scheduleRoutes + Account.previewRoutes
            + Account.invoiceRoutes + Account.manualInvoiceRoutes + Account.invoiceLineRoutes
            + Account.invoiceItemRoutes + Account.invoicePaymentRoutes + Account.attachedPaymentRoutes
            + Account.creditNoteRoutes + Account.meterRoutes
            + Account.portalConfigurationRoutes + Account.portalSessionRoutes
            + Account.clockRoutes + Account.featureRoutes + Account.entitlementRoutes
            + Account.couponRoutes + Account.discountRoutes + Account.taxRateRoutes
            + Account.eventRoutes + Account.webhookEndpointRoutes
            + Account.sandboxRoutes + Account.settingsRoutes + Account.snapshotRoutes
            + Account.redeliveryRoutes + Account.orderedDeclineRoutes)

    init(_ all: [Route]) {
        routes = Dictionary(grouping: all) { "\($0.method) \($0.segments.count)" }
    }

    /// The first route that matches; a literal path is registered before one with a placeholder in its place.
    func find(method: String, path: [String]) -> (Route, [String])? {
        for route in routes["\(method) \(path.count)"] ?? [] {
            if let values = route.match(path) { return (route, values) }
        }
        return nil
    }
}
