/// The test bank accounts of docs.stripe.com/testing, one row an account, and what becomes of a debit from each. Any other
/// account of the right form pays.
struct TestBank: Sendable {
    /// Stripe's type of the payment method.
    let type: String
    /// The IBAN, or the number of the account.
    let account: String
    /// The tokens that stand for the account.
    let tokens: [String]
    let outcome: Outcome

    enum Outcome: Sendable, Equatable {
        case succeeds
        case fails(Decline)
        /// The bank never says anything.
        case staysProcessing
    }

    private init(_ type: String, _ account: String, _ tokens: String, _ outcome: Outcome = .succeeds) {
        self.type = type
        self.account = account
        self.tokens = tokens.split(separator: " ").map(String.init)
        self.outcome = outcome
    }

    static func isDebit(_ type: String) -> Bool { debits.contains(type) }

    private static let debits: Set<String> = ["acss_debit", "au_becs_debit", "bacs_debit", "sepa_debit", "us_bank_account"]

    static func outcome(_ type: String, _ account: String) -> Outcome {
        if let row = all.first(where: { $0.type == type && $0.account == account }) { return row.outcome }
        // In every country an IBAN of this end has nothing on it.
        return type == "sepa_debit" && account.hasSuffix("2222227") ? .fails(.bankInsufficientFunds) : .succeeds
    }

    /// Whether a debit is disputed as soon as it is paid.
    static func isDisputed(_ type: String, _ account: String) -> Bool {
        all.contains { row in
            row.type == type && row.account == account
                && row.tokens.contains { $0.contains("_disputed") || $0.hasSuffix("_dispute") }
        }
    }

    static func token(_ token: String) -> TestBank? { all.first { $0.tokens.contains(token) } }

    /// The routing number or BSB that goes with every account of the table.
    static let becsNumber = "000000"
    static let routingNumber = "110000000"

    private static let all: [TestBank] =
        sepa(
            "at", "AT611904300234573201", "AT321904300235473204", "AT861904300235473202", "AT051904300235473205",
            "AT591904300235473203")
        + sepa(
            "de", "DE89370400440532013000", "DE08370400440532013003", "DE62370400440532013001", "DE78370400440532013004",
            "DE35370400440532013002")
        + sepa(
            "fr", "FR1420041010050500013M02606", "FR3020041010050500013M02609", "FR8420041010050500013M02607",
            "FR7920041010050500013M02600", "FR5720041010050500013M02608")
        + [
            TestBank(
                "sepa_debit", "AT981904300002222227", "pm_sepaDebit_insufficientFunds_at", .fails(.bankInsufficientFunds)),
            TestBank("au_becs_debit", "000123456", "pm_auBecsDebit_success"),
            TestBank("au_becs_debit", "900123456", "pm_auBecsDebit_successDelayed"),
            TestBank("au_becs_debit", "111111113", "pm_auBecsDebit_accountClosed", .fails(.accountClosed)),
            TestBank("au_becs_debit", "111111116", "pm_auBecsDebit_noAccount", .fails(.noAccount)),
            TestBank("au_becs_debit", "222222227", "pm_auBecsDebit_referToCustomer", .fails(.referToCustomer)),
            TestBank("au_becs_debit", "922222227", "pm_auBecsDebit_referToCustomerDelayed", .fails(.referToCustomer)),
            TestBank("au_becs_debit", "333333335", "pm_auBecsDebit_debitNotAuthorized", .fails(.debitNotAuthorized)),
            TestBank("au_becs_debit", "666666660", "pm_auBecsDebit_disputed"),
            TestBank("us_bank_account", "000123456789", "pm_usBankAccount pm_usBankAccount_success"),
            TestBank("us_bank_account", "000111111113", "pm_usBankAccount_accountClosed", .fails(.accountClosed)),
            TestBank("us_bank_account", "000111111116", "pm_usBankAccount_noAccount", .fails(.noAccount)),
            TestBank(
                "us_bank_account", "000222222227", "pm_usBankAccount_insufficientFunds", .fails(.bankInsufficientFunds)),
            TestBank("us_bank_account", "000333333335", "pm_usBankAccount_debitNotAuthorized", .fails(.debitNotAuthorized)),
            TestBank("us_bank_account", "000555555559", "pm_usBankAccount_dispute"),
            TestBank("us_bank_account", "000000000009", "pm_usBankAccount_processing", .staysProcessing),
        ]

    /// A country's series, in the order of the page: success, delayed success, failure, delayed failure, dispute.
    private static func sepa(_ country: String, _ accounts: String...) -> [TestBank] {
        let names = ["success", "successDelayed", "failed", "failedDelayed", "disputed"]
        return zip(names, accounts).map { name, account in
            TestBank(
                "sepa_debit", account, "pm_sepaDebit_\(name)_\(country)",
                name.hasPrefix("failed") ? .fails(.debitNotProcessed) : .succeeds)
        }
    }
}

extension Decline {
    static let accountClosed = bank("account_closed", "The customer's bank account has been closed.")
    static let noAccount = bank("no_account", "The bank account could not be located.")
    static let bankInsufficientFunds = bank(
        "insufficient_funds", "The bank account has insufficient funds to complete the payment.")
    static let debitNotAuthorized = bank(
        "debit_not_authorized", "The customer has notified their bank that this payment was unauthorized.")
    static let referToCustomer = bank("refer_to_customer", "The customer's bank refused the payment and gave no reason.")
    static let debitNotProcessed = bank("generic_could_not_process", "The customer's bank could not process this payment.")

    private static func bank(_ code: String, _ message: String) -> Decline { Decline(code, code, message, nil, nil) }
}
