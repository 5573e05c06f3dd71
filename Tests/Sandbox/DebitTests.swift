import JSON
import Testing

@testable import Sandbox

/// Payments from bank accounts: three minutes of the clock, then yes or no.
@Suite struct Debits {
    /// A subscription whose first payment was confirmed with an account.
    private func begin(
        _ guest: Guest, _ data: String
    ) -> (subscription: String, invoice: String, intent: String, confirmed: Guest.Answer) {
        let customer = guest.customer(paying: nil)
        let subscription = guest.subscription(
            of: customer, to: guest.price("basic"),
            """
            payment_behavior=default_incomplete&payment_settings[save_default_payment_method]=on_subscription\
            &expand[]=latest_invoice.confirmation_secret
            """)
        let secret = subscription["latest_invoice.confirmation_secret.client_secret"]?.stringValue ?? ""
        let intent = secret.components(before: "_secret")
        let confirmed = guest.call(
            "POST", "/v1/payment_intents/\(intent)/confirm",
            """
            client_secret=\(secret)&payment_method_data[billing_details][name]=Jenny\
            &payment_method_data[billing_details][email]=jenny@example.com&\(data)\
            &mandate_data[customer_acceptance][type]=online\
            &mandate_data[customer_acceptance][online][infer_from_client]=true
            """, key: "pk_test_1")
        return (subscription.id, subscription["latest_invoice.id"]?.stringValue ?? "", intent, confirmed)
    }

    static func sepa(_ iban: String) -> String {
        "payment_method_data[type]=sepa_debit&payment_method_data[sepa_debit][iban]=\(iban)"
    }

    static func becs(_ account: String) -> String {
        """
        payment_method_data[type]=au_becs_debit&payment_method_data[au_becs_debit][bsb_number]=000-000\
        &payment_method_data[au_becs_debit][account_number]=\(account)
        """
    }

    @Test(arguments: [sepa("AT321904300235473204"), becs("900123456")])
    func `a debit is under way for three minutes, then paid`(_ account: String) throws {
        let guest = Guest()
        let (subscription, invoice, intent, confirmed) = begin(guest, account)
        #expect(confirmed["status"] == "processing", "\(confirmed.body.text)")
        #expect(
            guest.events().suffix(5) == [
                "charge.pending", "payment_method.attached", "payment_intent.processing", "invoice.updated",
                "customer.subscription.updated",
            ])
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active", "while the bank is at work")
        #expect(guest.get("/v1/invoices/\(invoice)")["status"] == "open")
        #expect(guest.call("POST", "/v1/invoices/\(invoice)/pay", "payment_method=pm_card_visa").status == 400)
        #expect(guest.call("POST", "/v1/invoices/\(invoice)/void").status == 400)
        guest.advance(179)
        #expect(guest.get("/v1/payment_intents/\(intent)")["status"] == "processing")
        let mark = guest.eventCount
        guest.advance(1)
        #expect(
            guest.events(since: mark) == [
                "charge.succeeded", "payment_intent.succeeded", "invoice.updated", "invoice.paid",
                "invoice.payment_succeeded", "invoice_payment.paid", "customer.subscription.updated",
            ])
        let paid = guest.get("/v1/payment_intents/\(intent)", "expand[]=latest_charge")
        #expect(paid["status"] == "succeeded" && paid["latest_charge.status"] == "succeeded")
        #expect(paid["latest_charge.id"]?.stringValue?.hasPrefix("py_") == true)
        let type = paid["latest_charge.payment_method_details.type"]?.stringValue ?? ""
        let mandate = paid["latest_charge.payment_method_details.\(type).mandate"]?.stringValue ?? ""
        #expect(guest.get("/v1/mandates/\(mandate)")["payment_method"] == paid["payment_method"])
        let after = guest.get("/v1/subscriptions/\(subscription)")
        #expect(after["status"] == "active" && after["default_payment_method"] == paid["payment_method"])
        guest.advance(Billing.month + 3600 - 180)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription)")["data.0.status"] == "open")
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")
        guest.advance(180)
        #expect(guest.get("/v1/invoices", "subscription=\(subscription)")["data.0.status"] == "paid")
    }

    @Test(arguments: [
        (sepa("AT861904300235473202"), "generic_could_not_process"), (sepa("DE65370400440002222227"), "insufficient_funds"),
        (becs("111111113"), "account_closed"), (becs("111111116"), "no_account"), (becs("922222227"), "refer_to_customer"),
    ])
    func `a debit that fails leaves the invoice open and the subscription past due`(_ account: String, _ code: String)
        throws
    {
        let guest = Guest()
        let (subscription, invoice, intent, confirmed) = begin(guest, account)
        #expect(confirmed["status"] == "processing")
        let mark = guest.eventCount
        guest.advance(180)
        #expect(
            guest.events(since: mark) == [
                "charge.failed", "payment_intent.payment_failed", "invoice.payment_failed", "customer.subscription.updated",
            ])
        let failed = guest.get("/v1/payment_intents/\(intent)", "expand[]=latest_charge")
        #expect(failed["status"] == "requires_payment_method" && failed["last_payment_error.code"] == .string(code))
        #expect(failed["latest_charge.status"] == "failed" && failed["latest_charge.failure_code"] == .string(code))
        #expect(guest.get("/v1/invoices/\(invoice)")["status"] == "open")
        #expect(guest.get("/v1/invoices/\(invoice)")["next_payment_attempt"] == .null, "debits are not tried again")
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "past_due")
        _ = guest.post("/v1/invoices/\(invoice)/pay", "payment_method=pm_card_visa")
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")
    }

    @Test(arguments: ["allow_incomplete", "error_if_incomplete", "pending_if_incomplete"])
    func `an upgrade that is debited applies at once, and is past due where the bank refuses`(_ behavior: String) {
        let guest = Guest()
        let customer = guest.customer()
        let subscription = guest.subscription(of: customer, to: guest.price("basic"))
        for (token, status) in [("pm_sepaDebit_success_at", "active"), ("pm_sepaDebit_failed_at", "past_due")] {
            let method = guest.post("/v1/payment_methods/\(token)/attach", "customer=\(customer)").id
            guest.now += 86_400
            let item = subscription["items.data.0.id"]?.stringValue ?? ""
            let changed = guest.post(
                "/v1/subscriptions/\(subscription.id)",
                """
                items[0][id]=\(item)&items[0][price]=\(guest.price("premium"))&items[0][quantity]=\(status == "active" ? 1 : 2)\
                &proration_behavior=always_invoice&payment_behavior=\(behavior)&default_payment_method=\(method)
                """)
            #expect(changed["status"] == "active" && changed["items.data.0.price.lookup_key"] == "premium")
            guest.advance(180)
            #expect(guest.get("/v1/subscriptions/\(subscription.id)")["status"] == .string(status))
        }
    }

    @Test func `an American account is verified by what was deposited`() {
        let guest = Guest()
        let account = """
            payment_method_data[type]=us_bank_account&payment_method_data[us_bank_account][account_holder_type]=individual\
            &payment_method_data[us_bank_account][routing_number]=110000000\
            &payment_method_data[us_bank_account][account_number]=000123456789
            """
        let (subscription, _, intent, confirmed) = begin(guest, account)
        #expect(confirmed["next_action.type"] == "verify_with_microdeposits")
        #expect(guest.call("POST", "/sandbox/authenticate/\(intent)", "outcome=succeed").status == 400)
        let path = "/v1/payment_intents/\(intent)/verify_microdeposits"
        #expect(
            guest.call("POST", path, "amounts[]=1&amounts[]=2").error["code"]
                == "payment_method_microdeposit_verification_amounts_mismatch")
        #expect(guest.post(path, "amounts[]=32&amounts[]=45")["status"] == "processing")
        guest.advance(180)
        #expect(guest.get("/v1/subscriptions/\(subscription)")["status"] == "active")

        let setup = guest.post("/v1/setup_intents", "confirm=true&\(account)")
        let exceeded = guest.call("POST", "/v1/setup_intents/\(setup.id)/verify_microdeposits", "descriptor_code=SM33CC")
        #expect(exceeded.error["code"] == "payment_method_microdeposit_verification_attempts_exceeded")
        #expect(guest.get("/v1/setup_intents/\(setup.id)")["status"] == "requires_payment_method")
    }

    @Test func `an account is set up with a mandate, and its token is a method`() throws {
        let guest = Guest()
        let customer = guest.customer(paying: nil)
        let done = guest.post(
            "/v1/setup_intents", "customer=\(customer)&confirm=true&payment_method=pm_sepaDebit_failed_at&expand[]=mandate")
        #expect(done["status"] == "succeeded" && done["mandate.payment_method_details.type"] == "sepa_debit")
        let method = guest.get("/v1/payment_methods/\(done["payment_method"]?.stringValue ?? "")")
        #expect(method["customer"] == .string(customer) && method["sepa_debit.last4"] == "3202")
        #expect(method["sepa_debit.bank_code"] == "19043" && method["sepa_debit.country"] == "AT")
        for token in ["pm_usBankAccount_success", "pm_auBecsDebit_accountClosed", "pm_sepaDebit_successDelayed_de"] {
            #expect(
                guest.post("/v1/payment_methods/\(token)/attach", "customer=\(customer)")["customer"] == .string(customer))
        }
        let stuck = guest.post(
            "/v1/payment_intents",
            "amount=500&currency=usd&confirm=true&customer=\(customer)&payment_method=pm_usBankAccount_processing")
        guest.advance(14 * 86_400)
        #expect(guest.get("/v1/payment_intents/\(stuck.id)")["status"] == "processing")
    }

    @Test(arguments: [
        ("type=sepa_debit&sepa_debit[iban]=AT321904300235473205", "sepa_debit[iban]"), ("type=sepa_debit", "sepa_debit"),
        ("type=au_becs_debit&au_becs_debit[bsb_number]=1&au_becs_debit[account_number]=12345", "au_becs_debit[bsb_number]"),
        ("type=us_bank_account&us_bank_account[account_number]=000123456789", "us_bank_account[account_holder_type]"),
    ])
    func `numbers that are none are refused`(_ form: String, _ param: String) {
        let refused = Guest().call("POST", "/v1/payment_methods", form)
        #expect(refused.status == 400 && refused.error["param"] == .string(param), "\(refused.body.text)")
    }
}
