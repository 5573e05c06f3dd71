import DuesClient
import Foundation
import FoundationNetworking

/// The guide's story, told to a running sandbox: sign up, subscribe, pay, have access, upgrade, cancel.
///
///     dues serve --sandbox                # in another terminal
///     swift run DuesClientExample         # or with --tcp 127.0.0.1:7171 --sandbox http://127.0.0.1:7173
@main struct Example {
    let dues: Dues
    let sandbox: String

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        func value(of flag: String, else standard: String) -> String {
            arguments.firstIndex(of: flag).flatMap { arguments.indices.contains($0 + 1) ? arguments[$0 + 1] : nil }
                ?? standard
        }
        let tcp = value(of: "--tcp", else: "127.0.0.1:7171").split(separator: ":")
        guard tcp.count == 2, let port = UInt16(tcp[1]) else { throw NotTrue(what: "that --tcp is HOST:PORT") }
        let dues = Dues(.tcp(host: String(tcp[0]), port: port), timeout: .seconds(30))
        try await Example(dues: dues, sandbox: value(of: "--sandbox", else: "http://127.0.0.1:7173")).tell()
        await dues.close()
    }

    private func tell() async throws {
        let plans = try await dues.listPlans(limit: 100).plans.filter { ($0.unitAmount ?? 0) > 0 }
            .sorted { ($0.unitAmount ?? 0) < ($1.unitAmount ?? 0) }
        guard let basic = plans.first, let premium = plans.last else { throw NotTrue(what: "that there are plans") }
        print("The plans: \(basic.name) and \(premium.name).")

        let address = AddressInput(
            line1: "27 Fredrick Ave", city: "Brothers", state: "OR", postalCode: "97712", country: "US")
        let customer = try await dues.createCustomer(
            email: "jenny.rosen@example.com", name: "Jenny Rosen", address: address, metadata: ["userId": "6735"])
        print("\(customer.customer.name ?? "Somebody") signs up: \(customer.customerId).")

        let subscribed = try await dues.createSubscription(customerId: customer.customerId, priceId: basic.priceId)
        print("She chooses \(basic.name): \(subscribed.subscriptionId) is \(subscribed.status).")
        guard let clientSecret = subscribed.clientSecret else { throw NotTrue(what: "that there is something to pay") }
        try await confirmInBrowser(clientSecret)
        let paid = try await access(of: customer.customerId, to: basic.productId, becoming: true)
        print("She pays by card: access to \(basic.name) is \(paid.allowed ? "given" : "refused") (\(paid.reason)).")

        let method = try await dues.getPaymentMethod(subscriptionId: subscribed.subscriptionId)
        if let card = method.card { print("The account page shows her \(card.brand) ending in \(card.last4).") }

        let preview = try await dues.previewChange(
            subscriptionId: subscribed.subscriptionId, priceId: premium.priceId)
        print("\(premium.name) would cost her \(money(preview.amountDueNow, preview.currency)) now.")
        let changed = try await dues.updatePlan(
            quote: preview.quote, options: CallOptions(idempotencyKey: "upgrade-\(subscribed.subscriptionId)"))
        print("She accepts: \(money(changed.amountCharged, changed.currency)) are charged.")
        let upgraded = try await access(of: customer.customerId, to: premium.productId, becoming: true)
        print("Access to \(premium.name): \(upgraded.reason).")

        let canceled = try await dues.cancel(subscriptionId: subscribed.subscriptionId, feedback: .unused)
        let ended = try await access(of: customer.customerId, to: premium.productId, becoming: false)
        print("She cancels: the subscription is \(canceled.status), access: \(ended.reason).")
    }

    /// What Stripe's Payment Element does once the customer has typed a card (here 4242 4242 4242 4242).
    private func confirmInBrowser(_ clientSecret: String) async throws {
        let intent = clientSecret.components(separatedBy: "_secret_")[0]
        guard let url = URL(string: "\(sandbox)/v1/payment_intents/\(intent)/confirm") else {
            throw NotTrue(what: "that \(sandbox) is a URL")
        }
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data("key=pk_test_example&payment_method=pm_card_visa&client_secret=\(clientSecret)".utf8)
        let (_, response) = try await URLSession.shared.data(for: request)
        guard (response as? HTTPURLResponse)?.statusCode == 200 else { throw NotTrue(what: "the payment") }
    }

    /// Access follows Stripe's webhook, which comes a moment after the payment.
    private func access(
        of customerId: String, to productId: String, becoming isAllowed: Bool
    ) async throws -> CheckAccessResult {
        let deadline = ContinuousClock.now + .seconds(10)
        while true {
            let access = try await dues.checkAccess(customerId: customerId, productId: productId)
            if access.allowed == isAllowed { return access }
            guard ContinuousClock.now < deadline else { throw NotTrue(what: "that access is \(isAllowed)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func money(_ amount: Int64, _ currency: String) -> String {
        String(format: "%.2f ", Double(amount) / 100) + currency.uppercased()
    }
}

/// What should have come true.
struct NotTrue: Error {
    let what: String
}
