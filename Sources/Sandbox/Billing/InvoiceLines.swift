import JSON

/// The lines of an invoice: in the order in which it shows them, and by hand while it is a draft.
extension Account {
    private static let lineTable = """
        @line_terms price_data:{product product_data:{name! description images:[text] metadata:map tax_code \
        tax_details:any unit_label} @one_time_price} pricing:{price} tax_amounts?:any tax_rates?:[text]
        """

    static let invoiceLineRoutes: [Route] = [
        Route("GET /v1/invoices/{invoice}/lines", "@page", Account.listLines),
        Route("POST /v1/invoices/{invoice}/lines/{line_item}", lineTable, Account.updateLine),
        Route(
            "POST /v1/invoices/{invoice}/add_lines",
            "invoice_metadata?:map lines!:[{\(lineTable) invoice_item}]", Account.addLines),
        Route(
            "POST /v1/invoices/{invoice}/update_lines",
            "invoice_metadata?:map lines!:[{\(lineTable) id!}]", Account.updateLines),
        Route(
            "POST /v1/invoices/{invoice}/remove_lines",
            "invoice_metadata?:map lines!:[{behavior!:(delete|unassign) id!}]", Account.removeLines),
    ]

    /// Invoice items, the newest first, then what recurs, in the order of its items (recorded).
    func lines(of invoice: String) -> [JSONObject] {
        let lines = all(.invoiceLine, where: "invoice", is: invoice)
        let placed = lines.map { line in
            (line: line, item: line.string("_item").flatMap { store.ordinal(.invoiceItem, $0) })
        }
        let swept = placed.filter { $0.item != nil }.sorted { ($0.item ?? 0) > ($1.item ?? 0) }
        return (swept + placed.filter { $0.item == nil }).map(\.line)
    }

    func listLines(_ call: Call) throws(APIFailure) -> JSONValue {
        _ = try named(.invoice, call.id)
        return try page(.invoiceLine, lines(of: call.id), call)
    }

    // MARK: By hand

    func updateLine(_ call: Call) throws(APIFailure) -> JSONValue {
        let invoice = try editable(try named(.invoice, call.id, param: "invoice"))
        try changing(invoice: invoice.id) { () throws(APIFailure) in
            try self.updateLine(call.path[1], of: invoice, call.params, place: "line_item_id")
        }
        return .object(rendered(.invoiceLine, call.path[1]))
    }

    private func updateLine(
        _ id: String, of invoice: JSONObject, _ params: JSONObject, place: String
    ) throws(APIFailure) {
        let line = try line(id, of: invoice, place: place)
        if let item = line.string("_item") { return try updateInvoiceItem(known(.invoiceItem, item), params) }
        for name in ["amount", "quantity", "quantity_decimal", "pricing", "price_data", "period"] where params.has(name) {
            throw .invalid("You cannot update `\(name)` of a line that comes from a subscription.", param: name)
        }
        change(.invoiceLine, id) {
            $0.copy(["description", "discountable"], from: params)
            Self.mergeMetadata(params["metadata"], into: &$0)
        }
    }

    private func line(_ id: String, of invoice: JSONObject, place: String) throws(APIFailure) -> JSONObject {
        let line = try referred(.invoiceLine, id, param: place)
        guard line.string("invoice") == invoice.id else { throw .absent(.invoiceLine, id, param: place) }
        return line
    }

    func addLines(_ call: Call) throws(APIFailure) -> JSONValue {
        try changeLines(call) { (invoice, entry, place) throws(APIFailure) in
            if let item = entry.string("invoice_item") {
                let pending = try self.referred(.invoiceItem, item, param: "\(place)[invoice_item]")
                guard pending["invoice"]?.isNull ?? true, pending["customer"] == invoice["customer"] else {
                    throw .invalid("The invoice item \(item) cannot be added to this invoice.", param: place)
                }
                self.attach(item, to: invoice.id)
                return
            }
            var params = entry
            params["currency"] = invoice["currency"]
            let item = try self.addInvoiceItem(
                params, customer: invoice.string("customer") ?? "", subscription: invoice.string("_subscription"))
            self.attach(item, to: invoice.id)
            self.emit("invoiceitem.created", .invoiceItem, item)
        }
    }

    func updateLines(_ call: Call) throws(APIFailure) -> JSONValue {
        try changeLines(call) { (invoice, entry, place) throws(APIFailure) in
            var params = entry
            params["id"] = nil
            try self.updateLine(entry.string("id") ?? "", of: invoice, params, place: "\(place)[id]")
        }
    }

    func removeLines(_ call: Call) throws(APIFailure) -> JSONValue {
        try changeLines(call) { (invoice, entry, place) throws(APIFailure) in
            let line = try self.line(entry.string("id") ?? "", of: invoice, place: "\(place)[id]")
            guard let item = line.string("_item") else {
                self.change(.invoiceLine, line.id) { $0["_deleted"] = true }
                return
            }
            if entry.string("behavior") == "delete" { return self.removeInvoiceItem(self.known(.invoiceItem, item)) }
            self.change(.invoiceLine, line.id) { $0["_deleted"] = true }
            self.change(.invoiceItem, item) {
                $0["invoice"] = .null
                $0["_line"] = nil
            }
        }
    }

    /// Runs a change for each entry of `lines`, then sums the invoice anew.
    private func changeLines(
        _ call: Call, _ body: (_ invoice: JSONObject, _ entry: JSONObject, _ place: String) throws(APIFailure) -> Void
    ) throws(APIFailure) -> JSONValue {
        let invoice = try editable(try named(.invoice, call.id))
        try changing(invoice: invoice.id) { () throws(APIFailure) in
            for (index, entry) in call.params.array("lines").enumerated() {
                try body(self.known(.invoice, call.id), entry.objectValue ?? [:], "lines[\(index)]")
            }
            if let metadata = call.params["invoice_metadata"] {
                self.change(.invoice, call.id) { Self.mergeMetadata(metadata, into: &$0) }
            }
        }
        return .object(rendered(.invoice, call.id))
    }
}
