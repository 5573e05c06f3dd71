import JSON

/// Payment methods that are bank accounts: what is asked of their numbers, and what a method shows of them.
extension Account {
    /// The method for an account of one of the debit types; `place` is where its data stands in the request.
    func bankMethod(_ type: String, _ data: JSONObject, place: String) throws(APIFailure) -> JSONObject {
        switch type {
        case "sepa_debit":
            guard let given = data.string("iban") else { throw .missing("\(place)[iban]") }
            let iban = given.filter { $0 != " " }.uppercased()
            guard Self.isIBAN(iban) else {
                throw .invalid(
                    "The IBAN you provided is invalid.", param: "\(place)[iban]", code: "invalid_bank_account_iban")
            }
            return account(type, iban, [:])
        case "au_becs_debit":
            let branch = try digits(data, "bsb_number", of: 6, place, "BSB number")
            return account(
                type, try digits(data, "account_number", of: 5...9, place, "account number"),
                ["bsb_number": .string(branch)])
        case "us_bank_account":
            guard data.has("account_holder_type") else { throw .missing("\(place)[account_holder_type]") }
            let routing = try digits(data, "routing_number", of: 9, place, "routing number")
            var shown: JSONObject = ["routing_number": .string(routing)]
            shown.copy(["account_holder_type", "account_type"], from: data)
            return account(type, try digits(data, "account_number", of: 4...17, place, "account number"), shown)
        default:
            return account(type, data.string("account_number") ?? "", ["sort_code": data["sort_code"] ?? .null])
        }
    }

    /// A new copy of a test account by its token; it needs no verification.
    func bankMethod(_ bank: TestBank) -> JSONObject {
        let shown: JSONObject =
            switch bank.type {
            case "au_becs_debit": ["bsb_number": .string(TestBank.becsNumber)]
            case "us_bank_account":
                ["account_holder_type": "individual", "routing_number": .string(TestBank.routingNumber)]
            default: [:]
            }
        var made = account(bank.type, bank.account, shown)
        made["_verified"] = true
        made.set("billing_details", "name", to: "Jenny Rosen")
        made.set("billing_details", "email", to: "jenny@example.com")
        return made
    }

    private func account(_ type: String, _ number: String, _ given: JSONObject) -> JSONObject {
        var shown: JSONObject = [
            "fingerprint": .string(Self.fingerprint("\(type) \(number)")), "last4": .string(String(number.suffix(4))),
        ]
        switch type {
        case "sepa_debit":
            // An Austrian bank code has five digits, most others have more; the sandbox does not know the banks.
            let length = number.hasPrefix("DE") ? 8 : 5
            shown["bank_code"] = .string(String(number.dropFirst(4).prefix(length)))
            shown["branch_code"] = ""
            shown["country"] = .string(String(number.prefix(2)))
            shown["generated_from"] = ["charge": nil, "setup_attempt": nil]
        case "au_becs_debit": shown["bsb_number"] = given["bsb_number"]
        case "us_bank_account":
            shown["account_holder_type"] = given["account_holder_type"]
            shown["account_type"] = given["account_type"] ?? "checking"
            shown["bank_name"] = "STRIPE TEST BANK"
            shown["financial_connections_account"] = .null
            shown["networks"] = ["preferred": "ach", "supported": ["ach"]]
            shown["routing_number"] = given["routing_number"]
            shown["status_details"] = .null
        default: shown["sort_code"] = given["sort_code"]
        }
        var made = method(type: type, data: shown)
        made["_number"] = .string(number)
        return made
    }

    private func digits(
        _ data: JSONObject, _ name: String, of length: Int, _ place: String, _ noun: String
    ) throws(APIFailure) -> String {
        try digits(data, name, of: length...length, place, noun)
    }

    private func digits(
        _ data: JSONObject, _ name: String, of lengths: ClosedRange<Int>, _ place: String, _ noun: String
    ) throws(APIFailure) -> String {
        guard let given = data.string(name) else { throw .missing("\(place)[\(name)]") }
        let number = given.filter { $0 != " " && $0 != "-" }
        guard lengths.contains(number.utf8.count), number.utf8.allSatisfy({ (48...57).contains($0) }) else {
            let code = name == "routing_number" ? "routing_number_invalid" : "account_number_invalid"
            throw .invalid("The \(noun) you provided is invalid.", param: "\(place)[\(name)]", code: code)
        }
        return number
    }

    /// The check of ISO 13616: the digits, letters as two each, leave 1 when they are divided by 97.
    private static func isIBAN(_ iban: String) -> Bool {
        guard (15...34).contains(iban.utf8.count) else { return false }
        var remainder = 0
        for byte in Array(iban.utf8.dropFirst(4)) + Array(iban.utf8.prefix(4)) {
            switch byte {
            case 48...57: remainder = (remainder * 10 + Int(byte - 48)) % 97
            case 65...90: remainder = (remainder * 100 + Int(byte - 55)) % 97
            default: return false
            }
        }
        return remainder == 1
    }
}
