/// The test cards of docs.stripe.com/testing, one row a card, and what becomes of a payment with each.
struct TestCard: Sendable {
    let number: String
    /// What follows `pm_card_` or `tok_` in the tokens that stand for the card.
    let names: [String]
    let brand: String
    let funding: String
    let country: String
    let behavior: Behavior

    enum Behavior: Sendable, Equatable {
        case succeeds
        /// Refused when attached, when set up and when charged.
        case declines(Decline)
        /// Accepted until it is charged.
        case declinesCharge(Decline)
        /// Asks for 3D Secure; `then` is how the charge is refused once the customer has authenticated.
        case authenticates(When, then: Decline?)
    }

    enum When: Sendable, Equatable {
        /// On every on-session use, and off-session until it was set up.
        case untilSetUp
        /// On every use.
        case always
        /// On-session only: it counts as set up.
        case onSessionOnly
    }

    static func numbered(_ number: String) -> TestCard? { byNumber[number] }

    private static let byNumber = Dictionary(all.map { ($0.number, $0) }, uniquingKeysWith: { first, _ in first })

    /// The card of a token such as `pm_card_visa`, `tok_visa` or `tok_visa_chargeDeclined`.
    static func token(_ token: String) -> TestCard? {
        let name: Substring
        if token.hasPrefix("pm_card_") {
            name = token.dropFirst("pm_card_".count)
        } else if token.hasPrefix("tok_") {
            name = token.dropFirst("tok_".count)
        } else {
            return nil
        }
        return all.first { $0.names.contains { $0 == name } }
    }

    init(
        _ number: String, _ names: String, _ brand: String = "visa", _ funding: String = "credit",
        _ country: String = "US", _ behavior: Behavior = .succeeds
    ) {
        self.number = number
        self.names = names.split(separator: " ").map(String.init)
        self.brand = brand
        self.funding = funding
        self.country = country
        self.behavior = behavior
    }

    private init(_ number: String, _ names: String, country: String = "US", _ behavior: Behavior) {
        self.init(number, names, "visa", "credit", country, behavior)
    }

    static let all: [TestCard] = special + ofCountries

    private static let special: [TestCard] = [
        TestCard("4242424242424242", "visa us"),
        TestCard("4000056655665556", "visa_debit", "visa", "debit"),
        TestCard("5555555555554444", "mastercard", "mastercard"),
        TestCard("2223003122003222", "mastercard_2series", "mastercard"),
        TestCard("5200828282828210", "mastercard_debit", "mastercard", "debit"),
        TestCard("5105105105105100", "mastercard_prepaid", "mastercard", "prepaid"),
        TestCard("378282246310005", "amex amex_threeDSecureNotSupported", "amex"),
        TestCard("371449635398431", "amex_second", "amex"),
        TestCard("6011111111111117", "discover", "discover"),
        TestCard("6011000990139424", "discover_second", "discover"),
        TestCard("3056930009020004", "diners", "diners"),
        TestCard("36227206271667", "diners_14digits", "diners"),
        TestCard("3566002020360505", "jcb", "jcb", "credit", "JP"),
        TestCard("6200000000000005", "unionpay", "unionpay", "credit", "CN"),
        TestCard("4000000000000077", "bypassPending", .succeeds),
        TestCard("4000000000000036", "avsZipFail", .succeeds),
        TestCard("4000000000000028", "avsLine1Fail", .succeeds),
        TestCard("4000000000000010", "avsFail", .succeeds),
        TestCard("4000000000000101", "cvcCheckFail", .succeeds),
        TestCard("4000000000009235", "riskLevelElevated", .succeeds),
        TestCard("4000000000000259", "createDispute", .succeeds),
        TestCard("4000000000002685", "createDisputeProductNotReceived", .succeeds),
        TestCard("4000000000001976", "createDisputeInquiry", .succeeds),
        TestCard("4000000000005423", "createIssuerFraudRecord", .succeeds),
        TestCard("4000000000007726", "refundPending pendingRefund", .succeeds),
        TestCard("4000000000005126", "refundFail", .succeeds),

        TestCard("4000000000000002", "chargeDeclined visa_chargeDeclined", .declines(.generic)),
        TestCard(
            "4000000000009995", "chargeDeclinedInsufficientFunds visa_chargeDeclinedInsufficientFunds",
            .declines(.insufficientFunds)),
        TestCard(
            "4000000000009987", "chargeDeclinedLostCard visa_chargeDeclinedLostCard", .declines(.lostCard)),
        TestCard(
            "4000000000009979", "chargeDeclinedStolenCard visa_chargeDeclinedStolenCard", .declines(.stolenCard)),
        TestCard(
            "4000000000006975", "chargeDeclinedVelocityLimitExceeded visa_chargeDeclinedVelocityLimitExceeded",
            .declines(.velocity)),
        TestCard("4000000000000069", "chargeDeclinedExpiredCard visa_chargeDeclinedExpiredCard", .declines(.expiredCard)),
        TestCard(
            "4000000000000127", "chargeDeclinedIncorrectCvc visa_chargeDeclinedIncorrectCvc", .declines(.incorrectCVC)),
        TestCard(
            "4000000000000119", "chargeDeclinedProcessingError visa_chargeDeclinedProcessingError",
            .declines(.processingError)),
        TestCard("4100000000000019", "radarBlock chargeDeclinedFraudulent", .declines(.fraudulent)),
        TestCard("4000000000004954", "riskLevelHighest", .declines(.fraudulent)),
        TestCard("4000000000000341", "chargeCustomerFail", .declinesCharge(.generic)),

        TestCard(
            "4000002500003155", "authenticationRequiredOnSetup", country: "IE",
            .authenticates(.untilSetUp, then: nil)),
        TestCard(
            "4000002760003184", "authenticationRequired", country: "IE", .authenticates(.always, then: nil)),
        TestCard(
            "4000003800000446", "authenticationRequiredSetupForOffSession", country: "IE",
            .authenticates(.onSessionOnly, then: nil)),
        TestCard(
            "4000008260003178", "authenticationRequiredChargeDeclinedInsufficientFunds", country: "IE",
            .authenticates(.onSessionOnly, then: .insufficientFunds)),
        TestCard(
            "4000000000003220", "threeDSecure2Required", country: "IE", .authenticates(.always, then: nil)),
        TestCard(
            "4000008400001629", "threeDSecureRequiredChargeDeclined", .authenticates(.always, then: .generic)),
        TestCard("4000008400001280", "threeDSecureRequiredProcessingError", .declines(.processingError)),
        TestCard("4000000000003055", "threeDSecureOptional", .succeeds),
        TestCard("4000000000003097", "threeDSecureOptionalProcessingError", .succeeds),
        TestCard("4000000032200000", "threeDSecureFrictionless", .succeeds),
    ]
}

/// Why a bank refuses: the members of a card error. Codes of docs.stripe.com/declines/codes; the network's codes of the
/// first and the expired row are recorded, the others are those that card networks use for the reason.
struct Decline: Sendable, Equatable {
    let code: String
    let declineCode: String
    let message: String
    let advice: String?
    let networkDeclineCode: String?
    var networkAdviceCode: String?
    var param: String?

    static let generic = Decline("card_declined", "generic_decline", "Your card was declined.", "try_again_later", "01")
    static let insufficientFunds = Decline(
        "card_declined", "insufficient_funds", "Your card has insufficient funds.", "try_again_later", "51")
    static let lostCard = Decline("card_declined", "lost_card", "Your card was declined.", "do_not_try_again", "41")
    static let stolenCard = Decline("card_declined", "stolen_card", "Your card was declined.", "do_not_try_again", "43")
    static let velocity = Decline(
        "card_declined", "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
        "try_again_later", "65")
    static let expiredCard = Decline(
        "expired_card", "expired_card", "Your card has expired.", "confirm_card_data", "54", networkAdvice: "03",
        param: "exp_month")
    static let incorrectCVC = Decline(
        "incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "confirm_card_data", "N7",
        param: "cvc")
    static let processingError = Decline(
        "processing_error", "processing_error",
        "An error occurred while processing your card. Try again in a little bit.", "try_again_later", nil)
    static let fraudulent = Decline("card_declined", "fraudulent", "Your card was declined.", "do_not_try_again", nil)
    static let authenticationRequired = Decline(
        "authentication_required", "authentication_required",
        "Your card was declined. This transaction requires authentication.", nil, nil)

    init(
        _ code: String, _ declineCode: String, _ message: String, _ advice: String?, _ network: String?,
        networkAdvice: String? = nil, param: String? = nil
    ) {
        self.code = code
        self.declineCode = declineCode
        self.message = message
        self.advice = advice
        networkDeclineCode = network
        networkAdviceCode = networkAdvice
        self.param = param
    }
}
