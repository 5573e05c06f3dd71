internal import JSON
internal import Store
internal import Stripe

/// Compares rows with what Stripe has, a page at a time.
struct Reconciler: Sendable {
    /// Of one customer only.
    let customer: String?
    let stripe: StripeClient
    let store: any Store
    let projector: Projector
    /// Our own time, in Unix seconds.
    let clock: @Sendable () -> Int64
    let options: StripeCallOptions

    private static let page: Int64 = 100
    /// Rows of which one look takes note: those that lists have confirmed cost nothing more.
    private static let rowsPerLook = 1000
    /// Objects that are asked for one by one, at a time.
    private static let concurrency = 8

    struct Part {
        var checked = 0
        var drift: [Correction] = []
        var next: ReconcileWalk?
    }

    /// How many objects the store knows of those that the walk is about.
    func known() async throws(StoreError) -> Int {
        var known = 0
        for kind in ReconcileWalk(ofCustomer: customer).rows {
            known += try await store.countOfRows(of: kind, customer: customer)
        }
        return known
    }

    /// Compares what comes next.
    func take(_ walk: ReconcileWalk) async throws -> Part {
        switch walk.stage {
        case .list: try await takeList(walk)
        case .rows: try await takeRows(walk)
        }
    }

    private func takeList(_ walk: ReconcileWalk) async throws -> Part {
        let newest = try await store.newestChange()
        let (objects, next, reply) = try await list(walk.kind, after: walk.after)
        var here = walk
        if here.started == 0 { here.started = reply.date ?? clock() }
        let drift = try await inParallel(objects) { object in
            try await projector.review(object, reply, newestChange: newest, options.deadline)
        }
        return Part(checked: objects.count, drift: drift, next: next.map(here.going(after:)) ?? here.beyond)
    }

    private func takeRows(_ walk: ReconcileWalk) async throws -> Part {
        let rows = try await store.rows(of: walk.kind, after: walk.after, customer: customer, limit: Self.rowsPerLook)
        let unconfirmed = rows.filter { $0.knownUntil < walk.started }.prefix(Int(Self.page))
        let drift = try await inParallel(unconfirmed.map(\.id)) { id in
            try await projector.review(walk.kind, id, options.deadline)
        }
        // All rows of the look are done, unless there were more unconfirmed ones than one page takes.
        let last = unconfirmed.count == Int(Self.page) ? unconfirmed.last : rows.last
        let isEnd = last == nil || (rows.count < Self.rowsPerLook && last?.id == rows.last?.id)
        return Part(
            checked: unconfirmed.count, drift: drift, next: isEnd ? walk.beyond : last.map { walk.going(after: $0.id) })
    }

    private func inParallel<Element: Sendable>(
        _ elements: [Element], _ review: @escaping @Sendable (Element) async throws -> Correction?
    ) async throws -> [Correction] {
        try await withThrowingTaskGroup(of: Correction?.self) { group in
            var found: [Correction] = []
            for (index, element) in elements.enumerated() {
                if index >= Self.concurrency, let drift = try await group.next() ?? nil { found.append(drift) }
                group.addTask { try await review(element) }
            }
            for try await drift in group { if let drift { found.append(drift) } }
            return found
        }
    }

    /// A page of Stripe's objects, and after which one the next page begins.
    private func list(
        _ kind: MirrorKind, after: String
    ) async throws(StripeError) -> (objects: [JSONValue], next: String?, reply: StripeReply) {
        let page = StripePage(limit: Self.page, startingAfter: after.isEmpty ? nil : after)
        switch kind {
        case .customers:
            guard let customer else { return Self.page(try await stripe.listCustomers(page: page, options)) }
            let found = try await stripe.retrieveCustomer(customer, options)
            return ([found.object.raw], nil, found.reply)
        case .products: return Self.page(try await stripe.listProducts(page: page, options))
        case .prices:
            var filter = PriceFilter()
            filter.page = page
            return Self.page(try await stripe.listPrices(filter, options))
        case .subscriptions:
            var filter = SubscriptionFilter()
            filter.customer = customer
            filter.status = "all"
            filter.page = page
            return Self.page(try await stripe.listSubscriptions(filter, options))
        case .invoices:
            var filter = InvoiceFilter()
            filter.customer = customer
            filter.page = page
            return Self.page(try await stripe.listInvoices(filter, options))
        case .paymentMethods, .entitlements:
            return Self.page(try await stripe.listPaymentMethods(customer: customer ?? "", page: page, options))
        }
    }

    private static func page<Object: StripeObject>(
        _ answer: StripeAnswer<StripeList<Object>>
    ) -> (objects: [JSONValue], next: String?, reply: StripeReply) {
        (answer.object.data.map(\.raw), answer.object.nextCursor, answer.reply)
    }
}
