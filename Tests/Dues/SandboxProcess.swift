import EventLoop
import Glibc
import JSON
import RPC
import TestSupport
import Testing

/// `dues sandbox` at work, for clients of Stripe that are programs of their own.
final class SandboxProcess {
    private let child: ChildProcess
    let url: String
    let secretKey: String
    let publishableKey: String

    init(_ flags: [String] = []) throws {
        child = try ChildProcess([DuesProcess.binary, "sandbox", "--http", "127.0.0.1:0"] + flags)
        let line = try #require(try child.channel.receive(timeoutMilliseconds: 20_000), "the sandbox ended at once")
        let started = try JSONValue(parsing: line)
        url = try #require(started["sandbox"]?.stringValue)
        secretKey = try #require(started["secretKey"]?.stringValue)
        publishableKey = try #require(started["publishableKey"]?.stringValue)
    }

    var api: SandboxAPI { SandboxAPI(url) }

    /// Who has subscribed, to which product, and how.
    struct Subscriber {
        let customer: String
        let product: String
        let subscription: String
    }

    /// Somebody else's program signs a customer up to the basic plan, who pays.
    func subscribe() throws -> Subscriber {
        let card = "pm_card_visa"
        let customer = try #require(
            try api.post("/v1/customers", ["payment_method": card, "invoice_settings[default_payment_method]": card])["id"]?
                .stringValue)
        let price = try #require(try api.get("/v1/prices?lookup_keys%5B%5D=basic")["data"]?[0])
        let subscription = try api.post(
            "/v1/subscriptions", ["customer": customer, "items[0][price]": try #require(price["id"]?.stringValue)])
        return Subscriber(
            customer: customer, product: try #require(price["product"]?.stringValue),
            subscription: try #require(subscription["id"]?.stringValue))
    }

    func stop() {
        child.signal(SIGTERM)
        #expect(child.wait(timeoutMilliseconds: 15_000) == 0)
    }
}

/// A program of the system, from its start to its end.
struct ProgramRun {
    /// Nil where it did not end in time.
    let status: Int32?
    /// Both of its outputs, as they came.
    let output: String

    init(_ words: [String], environment: [String: String] = [:], timeoutMilliseconds: Int64 = 600_000) throws {
        let folder = try Folder()
        let path = folder.path("output")
        let child = try ChildProcess(
            ["/bin/sh", "-c", "exec \"$@\" >\"$0\" 2>&1 </dev/null", path] + words, environment: environment)
        status = child.wait(timeoutMilliseconds: timeoutMilliseconds)
        output = try Scratch.text(of: path)
    }
}
