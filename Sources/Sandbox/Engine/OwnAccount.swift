import JSON

/// The account that the API keys belong to, as Stripe shows it to itself.
extension Account {
    static let accountRoutes: [Route] = [
        Route("GET /v1/account", "", Account.retrieveOwnAccount),
        Route("GET /v1/accounts/{account}", "", Account.retrieveAccount),
    ]

    static let accountID = "acct_1\(fragment)"

    func retrieveAccount(_ call: Call) throws(APIFailure) -> JSONValue {
        guard call.id == Self.accountID else {
            throw APIFailure(
                403,
                "The provided key does not have access to account '\(call.id)' (or that account does not exist). "
                    + "Application access may have been revoked.", code: "account_invalid")
        }
        return try retrieveOwnAccount(call)
    }

    func retrieveOwnAccount(_ call: Call) throws(APIFailure) -> JSONValue {
        let nothingDue: JSONValue = [
            "alternatives": [], "current_deadline": nil, "currently_due": [], "disabled_reason": nil, "errors": [],
            "eventually_due": [], "past_due": [], "pending_verification": [],
        ]
        let noAddress: JSONValue = [
            "city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
        ]
        return [
            "id": .string(Self.accountID), "object": "account",
            "business_profile": [
                "annual_revenue": nil, "estimated_worker_count": nil, "mcc": "5734",
                "minority_owned_business_designation": nil, "name": "Dues sandbox", "product_description": nil,
                "support_address": noAddress, "support_email": nil, "support_phone": nil, "support_url": nil, "url": nil,
            ],
            "business_type": nil,
            "capabilities": [
                "au_becs_debit_payments": "active", "card_payments": "active", "sepa_debit_payments": "active",
                "transfers": "active", "us_bank_account_ach_payments": "active",
            ],
            "charges_enabled": true, "controller": ["type": "account"], "country": "US", "default_currency": "usd",
            "details_submitted": true, "email": "sandbox@example.com", "future_requirements": nothingDue,
            "metadata": [:], "payouts_enabled": true, "requirements": nothingDue,
            "settings": [
                "bacs_debit_payments": ["display_name": nil, "service_user_number": nil],
                "branding": ["icon": nil, "logo": nil, "primary_color": nil, "secondary_color": nil],
                "card_issuing": ["tos_acceptance": ["date": nil, "ip": nil]],
                "card_payments": [
                    "decline_on": ["avs_failure": false, "cvc_failure": false], "statement_descriptor_prefix": nil,
                    "statement_descriptor_prefix_kana": nil, "statement_descriptor_prefix_kanji": nil,
                ],
                "dashboard": ["display_name": "Dues sandbox", "timezone": "Etc/UTC"],
                "invoices": ["default_account_tax_ids": nil, "hosted_payment_method_save": "offer"],
                "payments": [
                    "statement_descriptor": "DUES SANDBOX", "statement_descriptor_kana": nil,
                    "statement_descriptor_kanji": nil,
                ],
                "sepa_debit_payments": [:],
            ],
            "type": "standard",
        ]
    }
}
