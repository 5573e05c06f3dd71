/// A parameter of an endpoint, declared as data. Endpoints write their tables as text:
///
///     name! description? active:bool metadata?:map created:range
///     type:(recurring|one_time) trial_end:time|now items:[{price quantity:int}] options:*{amount:int}
///
/// `*` is an object by free keys, `!` is required, `?` says that the empty string clears (text may always be cleared), no type means text, and `@name`
/// stands for a fragment of `fragments`.
struct Parameter: Sendable {
    let name: String
    let type: ParameterType
    let isRequired: Bool
    let isClearable: Bool

    /// Shared parts of the tables.
    static let fragments: [String: String] = [
        "list": "created:range ending_before limit:int starting_after",
        "page": "ending_before limit:int starting_after",
        "address": "city country line1 line2 postal_code state",
        "details": "billing_details:{address?:{@address} email? name? phone? tax_id}",
        "discounts": "discounts?:[{coupon discount promotion_code}]",
        "recurring": "interval!:(day|week|month|year) interval_count:int",
        "tiers": """
        tiers:[{flat_amount:int flat_amount_decimal:dec unit_amount:int unit_amount_decimal:dec up_to!:time|inf}]
        """,
        "currency_options": """
        currency_options?:*{custom_unit_amount:{enabled!:bool maximum:int minimum:int preset:int} \
        tax_behavior:(exclusive|inclusive|unspecified) @tiers unit_amount:int unit_amount_decimal:dec}
        """,
        "price_data": """
        currency! product! recurring:{@recurring} tax_behavior:(exclusive|inclusive|unspecified) unit_amount:int \
        unit_amount_decimal:dec
        """,
        "duration": "interval!:(day|week|month|year) interval_count:int",
        // A phase of a subscription schedule. Versions before 2025-09-30.clover say `iterations` for `duration`.
        "phase": """
        add_invoice_items:[{@one_time_item}] application_fee_percent:num automatic_tax:{@automatic_tax} \
        billing_cycle_anchor:(automatic|phase_start) \
        billing_thresholds?:any collection_method:(charge_automatically|send_invoice) currency default_payment_method \
        default_tax_rates?:[text] description? @discounts duration:{@duration} invoice_settings:{@schedule_invoices} \
        items!:[{billing_thresholds?:any @discounts metadata:map plan price price_data:{@price_data} quantity:int \
        tax_rates?:[text]}] iterations:int metadata:map on_behalf_of \
        proration_behavior:(create_prorations|none|always_invoice) transfer_data:any trial:bool
        """,
        "schedule_invoices": """
        account_tax_ids?:[text] custom_fields?:[{name! value!}] days_until_due:int description? footer? issuer:any
        """,
        "one_time_item": """
        discountable:bool @discounts metadata:map period:{end!:{timestamp:int type!:(min_item_period_end|timestamp)} \
        start!:{timestamp:int type!:(max_item_period_start|now|timestamp)}} price price_data:{product! @one_time_price} \
        quantity:int tax_rates?:[text]
        """,
        "one_time_price": """
        currency! tax_behavior:(exclusive|inclusive|unspecified) unit_amount:int unit_amount_decimal:dec
        """,
        "line_terms": """
        amount:int description discountable:bool @discounts metadata?:map period:{end!:int start!:int} quantity:int \
        quantity_decimal:dec
        """,
        "tax_id": """
        type!:(ad_nrt|ae_trn|al_tin|am_tin|ao_tin|ar_cuit|au_abn|au_acn|au_arn|au_wpn|aw_tin|az_tin|ba_tin\
        |bb_tin|bd_bin|bf_ifu|bg_uic|bh_vat|bj_ifu|bo_tin|br_cnpj|br_cpf|bs_tin|bw_vat|by_tin|ca_bn\
        |ca_gst_hst|ca_pst_bc|ca_pst_mb|ca_pst_sk|ca_qst|cd_nif|ch_uid|ch_vat|ci_vat|cl_tin|cm_niu\
        |cn_tin|co_nit|cr_tin|cv_nif|cz_dic|de_stn|do_rcn|ec_ruc|eg_tin|es_cif|et_tin|eu_oss_vat|eu_vat\
        |fo_vat|fr_siren|fr_siret|fr_spi|gb_vat|ge_vat|gh_tin|gi_tin|gn_nif|hk_br|hr_oib|hu_tin|ic_nif\
        |id_npwp|il_vat|in_gst|is_kt|is_vat|it_cf|jp_cn|jp_rn|jp_trn|ke_pin|kg_tin|kh_tin|kr_brn|kz_bin\
        |la_tin|li_uid|li_vat|lk_vat|ma_vat|md_cf|md_vat|me_pib|mk_vat|mr_nif|mu_vat|mx_rfc|my_frp\
        |my_itn|my_sst|mz_nuit|ng_tin|no_vat|no_voec|np_pan|nz_bn|nz_gst|om_vat|pe_ruc|ph_tin|pl_nip\
        |pt_nif|py_ruc|ro_tin|rs_pib|ru_inn|ru_kpp|sa_vat|sg_gst|sg_uen|si_tin|sm_coe|sn_ninea|sr_fin\
        |sv_nit|th_vat|tj_tin|tr_tin|tt_bir|tt_vat|tw_vat|tz_vat|ua_vat|ug_tin|us_ein|uy_ruc|uz_tin\
        |uz_vat|ve_rif|vn_tin|za_vat|zm_tin|zw_tin) value!
        """,
        "automatic_tax": "enabled!:bool liability:{account type!:(account|self)}",
        "tax_owner": "account customer customer_account type!:(account|application|customer|self)",
        "proration": "proration_behavior:(create_prorations|none|always_invoice) proration_date:int",
        "behavior":
            "payment_behavior:(allow_incomplete|error_if_incomplete|pending_if_incomplete|default_incomplete)",
        "cancellation": """
        cancellation_details:{comment? feedback?:(customer_service|low_quality|missing_features|other|\
        switched_service|too_complex|too_expensive|unused) feedback_option}
        """,
        // What the sandbox's own page sends besides: that a browser wants to be led back.
        "order": "page:bool",
        // What Stripe.js sends besides, from the browser, with a publishable key.
        "browser": """
        key _stripe_version _stripe_account client_secret expected_payment_method_type use_stripe_sdk:bool \
        client_attribution_metadata:any radar_options:any referrer payment_user_agent time_on_page guid muid sid
        """,
        "card": "card:{cvc exp_month:int exp_year:int networks:{preferred?} number token}",
        "method_data": """
        type! allow_redisplay:(always|limited|unspecified) metadata:map pasted_fields @details @card @wallets \
        client_attribution_metadata:any radar_options:any referrer payment_user_agent time_on_page guid muid sid
        """,
        "wallets": """
        acss_debit:{account_number institution_number transit_number} au_becs_debit:{account_number bsb_number} \
        bacs_debit:{account_number sort_code} sepa_debit:{iban} \
        us_bank_account:{account_holder_type:(company|individual) account_number account_type:(checking|savings) \
        financial_connections_account routing_number} \
        affirm:any afterpay_clearpay:any alipay:any alma:any amazon_pay:any bancontact:any billie:any bizum:any \
        blik:any boleto:any cashapp:any crypto:any custom:any customer_balance:any eps:any fpx:any giropay:any \
        grabpay:any ideal:any interac_present:any kakao_pay:any klarna:any konbini:any kr_card:any link:any \
        mb_way:any mobilepay:any multibanco:any naver_pay:any nz_bank_account:any oxxo:any p24:any \
        pay_by_bank:any payco:any paynow:any paypal:any paypay:any payto:any pix:any promptpay:any \
        revolut_pay:any samsung_pay:any satispay:any scalapay:any sequra:any sofort:any sunbit:any swish:any \
        twint:any upi:any wechat_pay:any zip:any
        """,
    ]

    /// Reads a table. A malformed one is a mistake of this source, found by the test that reads them all.
    static func table(_ text: String) -> [Parameter] {
        var reader = TableReader(text)
        let parameters = reader.fields(closing: nil)
        return parameters
    }
}

/// What a parameter's value may be.
indirect enum ParameterType: Sendable {
    case text, integer, boolean, number, decimal, map, any
    /// Unix seconds, or one of some words.
    case time(words: [String])
    /// Unix seconds, or the bounds `gt`, `gte`, `lt`, `lte`.
    case range
    case choice([String])
    case list(ParameterType)
    case object([Parameter])
    /// An object of objects by free keys, such as currencies.
    case entries([Parameter])
    /// An object, or (in older versions of the API) a plain value.
    case either([Parameter], ParameterType)
}

/// Recursive descent over a table's text.
private struct TableReader {
    private let characters: [Character]
    private var position = 0

    init(_ text: String) { characters = Array(text) }

    private var next: Character? { position < characters.count ? characters[position] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard next == character else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() { while let character = next, character.isWhitespace { position += 1 } }

    private mutating func word() -> String {
        let start = position
        while let character = next, character.isLetter || character.isNumber || "_.*-".contains(character) { position += 1 }
        return String(characters[start..<position])
    }

    mutating func fields(closing: Character?) -> [Parameter] {
        var fields: [Parameter] = []
        while true {
            skipSpace()
            guard let character = next else {
                precondition(closing == nil, "a parameter table ends inside braces")
                return fields
            }
            if character == closing {
                position += 1
                return fields
            }
            if take("@") {
                let name = word()
                guard let fragment = Parameter.fragments[name] else { preconditionFailure("no fragment @\(name)") }
                fields += Parameter.table(fragment)
                continue
            }
            let name = word()
            precondition(!name.isEmpty, "a parameter table has no name where one should be")
            let isRequired = take("!")
            let isClearable = take("?")
            let type = take(":") ? self.type() : .text
            fields.append(Parameter(name: name, type: type, isRequired: isRequired, isClearable: isClearable))
        }
    }

    private mutating func type() -> ParameterType {
        if take("[") {
            let element = type()
            precondition(take("]"), "a list type is not closed")
            return .list(element)
        }
        if take("{") {
            let fields = fields(closing: "}")
            return take("/") ? .either(fields, type()) : .object(fields)
        }
        if take("*") {
            precondition(take("{"), "free keys have objects")
            return .entries(fields(closing: "}"))
        }
        if take("(") { return .choice(words(until: ")")) }
        let name = word()
        switch name {
        case "text": return .text
        case "int": return .integer
        case "bool": return .boolean
        case "num": return .number
        case "dec": return .decimal
        case "map": return .map
        case "any": return .any
        case "range": return .range
        case "time":
            var alternatives: [String] = []
            while take("|") { alternatives.append(word()) }
            return .time(words: alternatives)
        default: preconditionFailure("no parameter type \(name)")
        }
    }

    private mutating func words(until closing: Character) -> [String] {
        var words: [String] = []
        repeat { words.append(word()) } while take("|")
        precondition(take(closing), "a choice is not closed")
        return words
    }
}
