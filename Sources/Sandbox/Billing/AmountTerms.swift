import JSON

/// What an invoice item or a line by hand comes to: an amount, a price, or a price described on the spot, and a quantity.
struct AmountTerms {
    let amount: Int64
    let currency: String
    let quantity: Int64
    let quantityDecimal: String
    let price: JSONObject
    /// What one costs, a decimal in minor units.
    let unit: String
}

extension Account {
    /// Reads `amount`, `pricing[price]` (`price` in older places), `price_data` or `unit_amount_decimal`, and a quantity.
    /// `existing`: the invoice item that is changed, whose terms stand where nothing is said.
    func amountTerms(
        _ params: JSONObject, currency: String?, existing: JSONObject? = nil
    ) throws(APIFailure) -> AmountTerms {
        var params = params
        if let whole = params.integer("unit_amount"), !params.has("unit_amount_decimal") {
            params["unit_amount_decimal"] = .string(String(whole))
        }
        let given = ["amount", "price_data", "unit_amount_decimal"].filter { params.has($0) }
        let named = params.object("pricing").string("price") ?? params.string("price")
        if given.count + (named == nil ? 0 : 1) > 1 {
            let names = given + (named == nil ? [] : ["pricing"])
            throw .invalid(
                "You may only specify one of these parameters: \(names.joined(separator: ", ")).", param: names[0])
        }
        try Self.check(params, "amount", in: Self.amountBounds)
        if params.has("amount") { return try inlineTerms(params, currency, existing) }
        let quantity = try quantityTerms(params, existing)
        let price: JSONObject
        if let named {
            price = try oneTimePrice(named, currency: currency, place: "pricing[price]")
        } else if let data = params["price_data"]?.objectValue {
            price = known(.price, try addInlinePrice(data))
        } else if let unit = params.string("unit_amount_decimal") {
            guard let currency else { throw .missing("currency") }
            let data: JSONObject = ["currency": .string(currency), "unit_amount_decimal": .string(unit)]
            price = known(.price, try addInlinePrice(data, name: params.string("description")))
        } else if let old = existing?.object("pricing").object("price_details").string("price") {
            price = Self.price(known(.price, old), in: currency) ?? known(.price, old)
        } else {
            throw .missing("amount")
        }
        guard let exact = Pricing.amount(price, quantity.exact), let amount = exact.rounded else { throw .amountTooLarge }
        return AmountTerms(
            amount: amount, currency: price.string("currency") ?? "usd", quantity: quantity.whole,
            quantityDecimal: quantity.exact.decimal, price: price, unit: price.string("unit_amount_decimal") ?? "0")
    }

    /// A plain amount: once, at a price that is made for it.
    private func inlineTerms(
        _ params: JSONObject, _ currency: String?, _ existing: JSONObject?
    ) throws(APIFailure) -> AmountTerms {
        guard let currency else { throw .missing("currency") }
        for name in ["quantity", "quantity_decimal"] where params.has(name) {
            throw .invalid("You may only specify one of these parameters: amount, \(name).", param: "amount")
        }
        let amount = params.integer("amount") ?? 0
        let name = params.string("description") ?? existing?.string("description")
        let data: JSONObject = ["currency": .string(currency), "unit_amount_decimal": .string(String(amount))]
        let price = known(.price, try addInlinePrice(data, name: name))
        return AmountTerms(
            amount: amount, currency: currency, quantity: 1, quantityDecimal: "1", price: price,
            unit: String(amount))
    }

    private func quantityTerms(
        _ params: JSONObject, _ existing: JSONObject?
    ) throws(APIFailure) -> (whole: Int64, exact: ExactAmount) {
        if let decimal = params.string("quantity_decimal") {
            guard !params.has("quantity") else {
                throw .invalid(
                    "You may only specify one of these parameters: quantity, quantity_decimal.", param: "quantity")
            }
            guard let exact = ExactAmount(decimal: decimal), !exact.isNegative, let whole = exact.floored else {
                throw .invalid("Invalid non-negative decimal: \(decimal)", param: "quantity_decimal")
            }
            return (whole, exact)
        }
        if params.has("quantity") || existing == nil {
            let whole = try Self.quantity(params)
            return (whole, ExactAmount(whole))
        }
        let decimal = existing?.string("quantity_decimal") ?? "1"
        return (existing?.integer("quantity") ?? 1, ExactAmount(decimal: decimal) ?? ExactAmount(1))
    }

    private func oneTimePrice(_ id: String, currency: String?, place: String) throws(APIFailure) -> JSONObject {
        let price = try referred(.price, id, param: place)
        guard price["active"] != false || price.flag("_inline") else {
            throw .invalid("The price specified is inactive. This field only accepts active prices.", param: place)
        }
        guard price.string("type") == "one_time" else {
            throw .invalid(
                "The price specified is set to `type=recurring` but this field only accepts prices with "
                    + "`type=one_time`.", param: place)
        }
        guard let local = Self.price(price, in: currency) else {
            throw .invalid(
                "The price specified only supports `\(price.string("currency") ?? "")`. This doesn't match the expected "
                    + "currency: `\(currency ?? "")`.", param: place)
        }
        return local
    }

    /// A price for one use: inactive from the start, and in no list. Without a product one is made for it.
    func addInlinePrice(_ data: JSONObject, name: String? = nil) throws(APIFailure) -> String {
        var terms = data
        if let product = data["product_data"]?.objectValue {
            terms["product"] = .string(try addProduct(product))
        } else if !data.has("product") {
            let product = try addProduct(["name": .string(name ?? "Invoice item")])
            change(.product, product) {
                $0["active"] = false
                $0["_inline"] = true
            }
            terms["product"] = .string(product)
        }
        let id = try addPrice(terms)
        change(.price, id) {
            $0["active"] = false
            $0["_inline"] = true
        }
        return id
    }
}
