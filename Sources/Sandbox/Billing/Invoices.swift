import JSON

/// The endpoints of invoices and of their payments.
extension Account {
    static let invoiceRoutes: [Route] = [
        Route(
            "GET /v1/invoices",
            """
            @list collection_method:(charge_automatically|send_invoice) customer customer_account due_date:range \
            status:(draft|open|paid|uncollectible|void) subscription
            """, Account.listInvoices),
        Route("GET /v1/invoices/{invoice}", "", Account.retrieveInvoice),
        Route("POST /v1/invoices/{invoice}/finalize", "auto_advance:bool", Account.finalizeInvoice),
        Route(
            "POST /v1/invoices/{invoice}/pay",
            "forgive:bool mandate? off_session:bool paid_out_of_band:bool payment_method source", Account.payInvoice),
        Route("POST /v1/invoices/{invoice}/void", "", Account.voidInvoice),
        Route("POST /v1/invoices/{invoice}/mark_uncollectible", "", Account.markInvoiceUncollectible),
    ]

    static let invoicePaymentRoutes: [Route] = [
        Route(
            "GET /v1/invoice_payments",
            """
            @list invoice payment:{payment_intent payment_record type!:(payment_intent|payment_record)} \
            status:(open|paid|canceled)
            """, Account.listInvoicePayments),
        Route("GET /v1/invoice_payments/{invoice_payment}", "", Account.retrieveInvoicePayment),
    ]

    // MARK: Reading

    func retrieveInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.invoice, try named(.invoice, call.id)))
    }

    func listInvoices(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        let subscription = params.string("subscription")
        let group =
            subscription.map { (member: "_subscription", value: $0) }
            ?? params.string("customer").map { (member: "customer", value: $0) }
        let members = ["collection_method", "customer", "status"]
        return try list(.invoice, call, group: group, by: members + ["due_date"]) { invoice in
            Self.agrees(invoice, params, members)
                && (params["due_date"].map { range in
                    invoice.integer("due_date").map { Self.isWithin($0, range) } ?? false
                } ?? true)
        }
    }

    func retrieveInvoicePayment(_ call: Call) throws(APIFailure) -> JSONValue {
        .object(render(.invoicePayment, try named(.invoicePayment, call.id)))
    }

    func listInvoicePayments(_ call: Call) throws(APIFailure) -> JSONValue {
        let params = call.params
        if let invoice = params.string("invoice") { _ = try referred(.invoice, invoice, param: "invoice") }
        let intent = params.object("payment").string("payment_intent")
        let group = params.string("invoice").map { (member: "invoice", value: $0) }
        return try list(.invoicePayment, call, group: group) {
            Self.agrees($0, params, ["status"])
                && (intent == nil || $0.object("payment").string("payment_intent") == intent)
        }
    }

    // MARK: Changing

    /// The words of a missing invoice name the path's parameter, which these calls call `id` (recorded).
    func invoiceToChange(_ call: Call) throws(APIFailure) -> JSONObject {
        try named(.invoice, call.id, param: "id")
    }

    func finalizeInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try invoiceToChange(call)
        guard invoice.string("status") == "draft" else {
            throw .invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
        }
        if let advances = call.params["auto_advance"] { change(.invoice, call.id) { $0["auto_advance"] = advances } }
        finalize(call.id)
        collectLater(call.id)
        return .object(rendered(.invoice, call.id))
    }

    func payInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let id = call.id
        let params = call.params
        let wasDraft = try invoiceToChange(call).string("status") == "draft"
        if wasDraft { finalize(id) }
        let invoice = known(.invoice, id)
        switch invoice.string("status") {
        case "paid" where wasDraft: return .object(rendered(.invoice, id))
        case "paid": throw .invalid("Invoice is already paid")
        case "open", "uncollectible": break
        default: throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        if params.flag("paid_out_of_band") {
            markPaid(id, automatic: false, outOfBand: true)
            return .object(rendered(.invoice, id))
        }
        let given = params.string("payment_method")
        guard let intent = invoice.string("_intent"),
            let method = try given.map({ (id) throws(APIFailure) in try method(id, param: "payment_method") })
                ?? defaultMethod(ofInvoice: invoice)
        else { throw Self.noMethod }
        try refuseProcessing(invoice)
        if let owner = method.string("customer"), owner != invoice.string("customer") {
            throw .invalid(
                "The PaymentMethod \(method.id) does not belong to the Customer \(invoice.string("customer") ?? ""). "
                    + "Please use this PaymentMethod with the Customer that it belongs to instead.",
                param: "payment_method")
        }
        let attempt = PaymentAttempt(offSession: params["off_session"]?.boolValue ?? true)
        let result = pay(intent, with: method, attempt)
        settle(id, result, automatic: false)
        switch result {
        case .declined(var failure):
            failure.keepsChanges = true
            throw failure
        case .requiresAction:
            var failure = APIFailure.card(
                "invoice_payment_intent_requires_action",
                "This payment requires additional user action before it can be completed successfully. Payment can be "
                    + "completed using the PaymentIntent associated with the invoice.", param: nil)
            failure.keepsChanges = true
            throw failure
        default: return .object(rendered(.invoice, id))
        }
    }

    /// A debit that is under way can neither be repeated nor called back.
    private func refuseProcessing(_ invoice: JSONObject) throws(APIFailure) {
        let intent = invoice.string("_intent").map { known(.paymentIntent, $0) }
        guard intent?.string("status") == "processing" else { return }
        throw .invalid("This invoice has a payment that is still processing.")
    }

    func voidInvoice(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try invoiceToChange(call)
        switch invoice.string("status") {
        case "open", "uncollectible":
            try refuseProcessing(invoice)
            void(call.id)
        case "paid": throw .invalid("Invoices with `paid` payments cannot be voided.")
        default: throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        return .object(rendered(.invoice, call.id))
    }

    func markInvoiceUncollectible(_ call: Call) throws(APIFailure) -> JSONValue {
        switch try invoiceToChange(call).string("status") {
        case "open":
            markUncollectible(call.id)
            clearDelinquency(of: known(.invoice, call.id).string("customer") ?? "")
        case "uncollectible": throw .invalid("This invoice has already been marked uncollectible.")
        default: throw .invalid("You can only pass in open invoices. This invoice isn't open.")
        }
        return .object(rendered(.invoice, call.id))
    }
}
