import HTTP
import JSON
import Testing

@testable import Sandbox

/// What must be refused in words rather than end the process, and the cards that a browser types in.
@Suite struct Hostile {
    private static let extremes = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "1e9", "-1", ""]

    @Test(arguments: [
        "POST /v1/customers balance=N", "POST /v1/customers next_invoice_sequence=N",
        "POST /v1/payment_intents currency=usd&amount=N", "POST /v1/prices currency=usd&product=PROD&unit_amount=N",
        "POST /v1/prices currency=usd&product=PROD&unit_amount=5&recurring[interval]=month&recurring[interval_count]=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&items[0][quantity]=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&trial_end=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&cancel_at=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&billing_cycle_anchor=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&billing_cycle_anchor_config[day_of_month]=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&billing_cycle_anchor_config[day_of_month]=1"
            + "&billing_cycle_anchor_config[hour]=N",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&collection_method=send_invoice&days_until_due=N",
        "POST /v1/subscriptions/SUB trial_end=N", "POST /v1/subscriptions/SUB cancel_at=N",
        "POST /v1/subscriptions/SUB proration_date=N&items[0][id]=ITEM&items[0][quantity]=2",
        "POST /v1/subscriptions/SUB items[0][id]=ITEM&items[0][quantity]=N",
        "POST /v1/invoiceitems customer=CUS&currency=usd&amount=N",
        "POST /v1/customers/CUS/balance_transactions currency=usd&amount=N",
        "POST /v1/payment_methods type=card&card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=N",
        "POST /v1/payment_methods type=card&card[number]=4242424242424242&card[exp_year]=2030&card[exp_month]=N",
        "POST /v1/subscription_schedules customer=CUS&start_date=N&phases[0][items][0][price]=PRICE",
        "POST /v1/subscription_schedules customer=CUS&start_date=now&phases[0][items][0][price]=PRICE&phases[0][end_date]=N",
        "POST /v1/subscription_schedules customer=CUS&start_date=now&phases[0][items][0][price]=PRICE&phases[0][iterations]=N",
        "POST /v1/subscription_schedules customer=CUS&start_date=now&phases[0][items][0][price]=PRICE&phases[0][trial_end]=N",
        "POST /v1/subscription_schedules customer=CUS&start_date=now&phases[0][items][0][price]=PRICE"
            + "&phases[0][duration][interval]=day&phases[0][duration][interval_count]=N",
        "POST /v1/subscription_schedules/SCHEDULE phases[0][items][0][price]=PRICE&phases[0][start_date]=N",
        "POST /v1/subscription_schedules/SCHEDULE phases[0][items][0][price]=PRICE&phases[0][start_date]=0&phases[0][end_date]=N",
        "POST /v1/subscriptions/SUB pause_collection[behavior]=void&pause_collection[resumes_at]=N",
        "POST /v1/test_helpers/test_clocks frozen_time=N", "POST /v1/test_helpers/test_clocks/CLOCK/advance frozen_time=N",
        "POST /sandbox/clock/advance seconds=N", "POST /sandbox/clock/advance to=N",
        "POST /v1/invoices/create_preview subscription=SUB&subscription_details[proration_date]=N"
            + "&subscription_details[items][0][id]=ITEM",
        "POST /v1/subscriptions customer=CUS&items[0][price]=PRICE&backdate_start_date=N",
        "POST /v1/invoices customer=CUS&collection_method=send_invoice&days_until_due=N",
        "POST /v1/invoices customer=CUS&auto_advance=true&automatically_finalizes_at=N",
        "POST /v1/invoiceitems customer=CUS&currency=usd&unit_amount_decimal=999999999999&quantity=N",
        "POST /v1/invoiceitems customer=CUS&currency=usd&unit_amount_decimal=5&quantity_decimal=N",
        "POST /v1/coupons percent_off=N", "POST /v1/coupons amount_off=N&currency=usd",
        "POST /v1/coupons percent_off=5&duration=repeating&duration_in_months=N",
        "POST /v1/coupons percent_off=5&max_redemptions=N", "POST /v1/coupons percent_off=5&redeem_by=N",
        "POST /v1/prices currency=usd&product=PROD&recurring[interval]=month&billing_scheme=tiered&tiers_mode=volume"
            + "&tiers[0][up_to]=inf&tiers[0][unit_amount]=N",
        "POST /v1/prices currency=usd&product=PROD&unit_amount=5&transform_quantity[round]=up"
            + "&transform_quantity[divide_by]=N",
        "POST /v1/prices currency=usd&product=PROD&unit_amount=5&currency_options[eur][unit_amount]=N",
        "POST /v1/tax_rates display_name=VAT&inclusive=false&percentage=N",
        "POST /v1/billing/meter_events event_name=calls&payload[value]=N&payload[stripe_customer_id]=CUS",
        "POST /v1/billing/meter_events event_name=calls&payload[value]=1&payload[stripe_customer_id]=CUS&timestamp=N",
        "GET /v1/billing/meters/MTR/event_summaries customer=CUS&start_time=N&end_time=60",
        "GET /v1/billing/meters/MTR/event_summaries customer=CUS&start_time=60&end_time=N",
        "POST /v1/credit_notes invoice=INV&amount=N", "POST /v1/credit_notes invoice=INV&amount=100&credit_amount=N",
        "POST /v1/credit_notes invoice=INV&amount=100&credit_amount=999999999999&out_of_band_amount=N",
        "POST /v1/credit_notes invoice=INV&lines[0][type]=custom_line_item&lines[0][description]=x&lines[0][unit_amount]=9"
            + "&lines[0][quantity]=N",
    ])
    func `extreme numbers are answered`(_ template: String) {
        let guest = Guest()
        let customer = guest.customer()
        let price = guest.get("/v1/prices", "lookup_keys[]=basic")
        let subscription = guest.subscription(of: customer, to: price["data.0.id"]?.stringValue ?? "")
        let managed = guest.subscription(of: customer, to: price["data.0.id"]?.stringValue ?? "").id
        let names = [
            "SCHEDULE": guest.post("/v1/subscription_schedules", "from_subscription=\(managed)").id,
            "CLOCK": guest.post("/v1/test_helpers/test_clocks", "frozen_time=\(guest.now)").id,
            "PROD": price["data.0.product"]?.stringValue ?? "", "CUS": customer,
            "PRICE": price["data.0.id"]?.stringValue ?? "", "SUB": subscription.id,
            "ITEM": subscription["items.data.0.id"]?.stringValue ?? "",
            "INV": subscription["latest_invoice"]?.stringValue ?? "",
            "MTR": guest.post(
                "/v1/billing/meters", "display_name=x&event_name=calls&default_aggregation[formula]=sum"
            ).id,
        ]
        for extreme in Self.extremes {
            var text = template
            for (name, value) in names {
                text = text.split(separator: name, omittingEmptySubsequences: false).joined(separator: value)
            }
            let parts = text.split(separator: " ").map(String.init)
            let form = parts[2].split(separator: "=N", omittingEmptySubsequences: false).joined(separator: "=\(extreme)")
            let answer = guest.call(parts[0], parts[1], form)
            #expect([200, 400, 402].contains(answer.status), "\(text) with \(extreme): \(answer.status)")
            #expect(answer.status != 200 || !extreme.hasPrefix("92233"), "\(text) with \(extreme) was taken")
        }
        guest.advance(40 * 86_400)
        #expect(guest.get("/v1/customers/\(customer)").status == 200)
    }

    @Test func `forms that are too long or too deep are refused`() {
        let guest = Guest()
        let long = (0..<3000).map { "metadata[k\($0)]=v" }.joined(separator: "&")
        #expect(guest.call("POST", "/v1/customers", long).status == 400)
        let deep = "metadata" + String(repeating: "[a]", count: 40) + "=v"
        #expect(guest.call("POST", "/v1/customers", deep).status == 400)
        #expect(guest.call("POST", "/v1/customers", "[[[]]]=&&=&a[=1&]b=2").status == 400)
        #expect(guest.call("DELETE", "/v1/prices/x").status == 404)
    }

    struct TypedCard: Sendable {
        let form: String
        let code: String?
    }

    @Test(arguments: [
        TypedCard(form: "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=34&card[cvc]=123", code: nil),
        TypedCard(form: "card[number]=4242+4242+4242+4242&card[exp_month]=12&card[exp_year]=2034", code: nil),
        TypedCard(form: "card[number]=4242424242424241&card[exp_month]=12&card[exp_year]=2034", code: "incorrect_number"),
        TypedCard(
            form: "card[number]=4242424242424242&card[exp_month]=13&card[exp_year]=2034", code: "invalid_expiry_month"),
        TypedCard(
            form: "card[number]=4242424242424242&card[exp_month]=10&card[exp_year]=2026", code: "invalid_expiry_year"),
        TypedCard(
            form: "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2034&card[cvc]=12", code: "invalid_cvc"),
        TypedCard(form: "card[number]=4012888888881881&card[exp_month]=12&card[exp_year]=2034", code: "card_declined"),
    ])
    func `a card that a person types is looked at`(_ row: TypedCard) {
        let answer = Guest().call("POST", "/v1/payment_methods", "type=card&" + row.form, key: "pk_test_1")
        #expect(answer["error.code"]?.stringValue == row.code)
        #expect(answer.status == (row.code == nil ? 200 : 402))
        if row.code == nil { #expect(answer["card.last4"] == "4242") }
    }

    @Test func `every test card's number is one, and its names are its own`() {
        var names: Set<String> = []
        for card in TestCard.all {
            for name in card.names { #expect(names.insert(name).inserted, "\(name) is there twice") }
            let made = Guest().call(
                "POST", "/v1/payment_methods", "type=card&card[number]=\(card.number)&card[exp_month]=1&card[exp_year]=2034"
            )
            #expect(made.status == 200, "\(card.number): \(made.body.text)")
        }
        #expect(TestCard.all.count > 40)
    }
}
