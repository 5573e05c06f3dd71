internal import Store

/// Where a walk through Stripe's objects stands. First come the lists that Stripe has; then the rows that no list confirmed,
/// which Stripe is asked for one by one: they are gone, or of a kind of which there is no list.
struct ReconcileWalk: Equatable {
    enum Stage: String { case list, rows }

    /// Since when rows are to be confirmed, in seconds of Stripe's clock; 0 before Stripe has said what time it is.
    var started: Int64 = 0
    private(set) var stage = Stage.list
    private(set) var kind: MirrorKind
    /// The object after which it goes on; empty for the first.
    private(set) var after = ""
    private let isOfCustomer: Bool

    init(ofCustomer customer: String?) {
        isOfCustomer = customer != nil
        kind = .customers
    }

    /// Reads a cursor; nil where it is none.
    init?(_ cursor: String, ofCustomer customer: String?) {
        let parts = cursor.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 4, let started = Int64(parts[0]), let stage = Stage(rawValue: parts[1]),
            let kind = MirrorKind(rawValue: parts[2])
        else { return nil }
        self.started = started
        self.stage = stage
        self.kind = kind
        after = parts[3]
        isOfCustomer = customer != nil
    }

    var cursor: String { "\(started).\(stage.rawValue).\(kind.rawValue).\(after)" }

    /// Further in the same list.
    func going(after id: String) -> ReconcileWalk {
        var next = self
        next.after = id
        return next
    }

    /// The next list or the next rows; nil at the end.
    var beyond: ReconcileWalk? {
        var next = self
        next.after = ""
        let kinds = stage == .list ? lists : rows
        let place = kinds.firstIndex(of: kind).map { $0 + 1 } ?? kinds.count
        if place < kinds.count {
            next.kind = kinds[place]
        } else {
            guard stage == .list else { return nil }
            next.stage = .rows
            next.kind = rows[0]
        }
        return next
    }

    private var lists: [MirrorKind] {
        isOfCustomer
            ? [.customers, .subscriptions, .invoices, .paymentMethods]
            : [.customers, .products, .prices, .subscriptions, .invoices]
    }

    /// Which kinds of row the walk goes through at last.
    var rows: [MirrorKind] { MirrorKind.allCases.filter { !isOfCustomer || $0.belongsToCustomers } }
}

extension MirrorKind {
    fileprivate var belongsToCustomers: Bool { self != .products && self != .prices }
}
