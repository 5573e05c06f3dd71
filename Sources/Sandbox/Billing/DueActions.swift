import JSON

/// What time does by itself: renewals, trial ends, planned cancellations, the hour of a draft, retries, expiries. Each
/// runs at its own instant, in order of time.
extension Account {
    /// Seconds that a draft waits before it finalizes by itself; Stripe shows `automatically_finalizes_at` one second
    /// later than `next_payment_attempt` (recorded).
    static let draftPatience: Int64 = 3600

    /// When an object next needs attention; nil for never.
    static func due(_ kind: ObjectKind, _ object: JSONObject) -> Int64? {
        switch kind {
        case .subscription: dueSubscription(object)
        case .invoice: dueInvoice(object)
        case .schedule: dueSchedule(object)
        case .testClock: dueClock(object)
        case .paymentIntent: dueIntent(object)
        case .refund: object.integer("_settles_at")
        case .dispute: object.integer("_decides_at")
        case .checkoutSession: object.string("status") == "open" ? object.integer("expires_at") : nil
        case .discount: object.flag("_ended") ? nil : object.integer("end")
        default: nil
        }
    }

    private static func dueInvoice(_ invoice: JSONObject) -> Int64? {
        switch invoice.string("status") {
        case "draft": invoice.flag("auto_advance") ? (invoice.integer("created") ?? 0) + draftPatience : nil
        case "open": invoice.integer("next_payment_attempt") ?? invoice.integer("_deadline")
        default: nil
        }
    }

    private static func dueIntent(_ intent: JSONObject) -> Int64? {
        switch intent.string("status") {
        case "processing": intent.integer("_settles_at")
        case "requires_capture": intent.integer("_capture_before")
        default: nil
        }
    }

    private static func dueSubscription(_ subscription: JSONObject) -> Int64? {
        var times: [Int64] = []
        let expiry = subscription.object("pending_update").integer("expires_at")
        switch subscription.string("status") {
        case "incomplete": return (subscription.integer("created") ?? 0) + patience
        case "paused": return expiry
        case "trialing", "active", "past_due", "unpaid":
            if let expiry { times.append(expiry) }
            if let end = subscription.integer("cancel_at") { times.append(end) }
            if let time = subscription.object("pause_collection").integer("resumes_at") { times.append(time) }
            if let end = subscription.integer("_period_end") { times.append(end) }
            if isTrialing(subscription), let end = subscription.integer("trial_end"),
                !subscription.flag("_trial_announced")
            {
                times.append(end - 3 * CivilDate.secondsPerDay)
            }
            if let announcement = subscription.integer("_upcoming_at") { times.append(announcement) }
            return times.min()
        default: return nil
        }
    }

    /// Runs everything that falls due until `time`, and leaves the account's clock there.
    func advance(to time: Int64) {
        let request = cause
        cause = nil
        run(until: time, on: nil)
        cause = request
    }

    /// Runs what falls due until `time` by a test clock, or (nil) in the account's own time. Each thing is committed when it
    /// is done: time is not taken back, and however much falls due, what is kept for an undo stays small.
    func run(until time: Int64, on clock: String?) {
        while let next = store.nextDue(on: clock), next.time <= time {
            now = max(now, next.time)
            switch next.kind {
            case .invoice: runInvoice(next.id)
            case .schedule: runSchedule(next.id)
            case .testClock: runClock(next.id)
            case .paymentIntent: runIntent(next.id)
            case .refund: settleRefund(next.id)
            case .dispute: decideDispute(next.id)
            case .checkoutSession: expireSession(next.id)
            case .discount: expireDiscount(next.id)
            default: runSubscription(next.id)
            }
            settleEntitlements()
            store.commit()
        }
        now = max(now, time)
    }

    // MARK: Subscriptions

    /// Does the one thing that is due first; what else is due follows in the next round.
    private func runSubscription(_ id: String) {
        let subscription = known(.subscription, id)
        if subscription.string("status") == "incomplete" {
            expire(subscription)
        } else if let expiry = subscription.object("pending_update").integer("expires_at"), expiry <= now {
            let before = render(.subscription, subscription)
            expirePendingUpdate(id)
            emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        } else if let end = subscription.integer("cancel_at"), end <= now {
            endAsPlanned(id)
        } else if let time = subscription.object("pause_collection").integer("resumes_at"), time <= now {
            resumeCollection(id)
        } else if let end = subscription.integer("_period_end"), end <= now {
            runPeriodEnd(id, since: render(.subscription, subscription))
        } else if let time = subscription.integer("_upcoming_at"), time <= now {
            announceRenewal(id)
        } else {
            announceTrialEnd(id)
        }
    }

    private func expire(_ subscription: JSONObject) {
        let id = subscription.id
        if let invoice = subscription.string("latest_invoice"), known(.invoice, invoice).string("status") == "open" {
            void(invoice)
        } else {
            let before = render(.subscription, subscription)
            change(.subscription, id) { $0["status"] = "incomplete_expired" }
            emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        }
    }

    /// A period is over: the next begins, unless it was a trial that nobody is there to pay after. `before`: the
    /// subscription before anything of this moment happened to it.
    func runPeriodEnd(_ id: String, since before: JSONObject) {
        let subscription = known(.subscription, id)
        let wasTrialing = Self.isTrialing(subscription)
        if wasTrialing, subscription.string("collection_method") != "send_invoice",
            defaultMethod(ofSubscription: subscription) == nil, trialStops(id, at: now)
        {
            return
        }
        let invoice: String?
        do throws(APIFailure) { invoice = try renew(id) } catch {
            // Only usage can leave the bounds that amounts were in when the items were made. Ending beats an endless loop.
            endSubscription(id, at: now, reason: nil)
            return
        }
        if let invoice, !wasTrialing { emit("invoice.created", .invoice, invoice) }
        emitUpdate("customer.subscription.updated", .subscription, id, since: before)
        if let invoice, wasTrialing { emit("invoice.created", .invoice, invoice) }
    }

    /// Begins the next period of every item whose period has ended, with a draft invoice for them; nil where flexible
    /// billing has nothing to ask for. No events.
    func renew(_ id: String) throws(APIFailure) -> String? {
        let subscription = known(.subscription, id)
        let cancelAt = subscription.integer("cancel_at")
        var lines: [LineDraft] = []
        var lookBack = now
        var usage: [JSONValue] = []
        for item in items(of: id) where (item.integer("current_period_end") ?? 0) <= now {
            let price = price(of: item)
            let start = item.integer("current_period_end") ?? now
            lookBack = min(lookBack, item.integer("current_period_start") ?? start)
            let whole = Self.interval(of: price).nextBoundary(anchor: item.integer("_anchor") ?? start, after: start)
            let end = cancelAt.map { $0 > start ? min(whole, $0) : whole } ?? whole
            if Self.isMetered(price), !Self.isTrialing(subscription) {
                lines += try usageLines(of: item, until: start)
                rememberUsage(of: item, until: start, in: &usage)
            }
            lines += try recurringLines(for: item, (start, end), of: (start, whole))
            change(.subscriptionItem, item.id) {
                $0["current_period_start"] = .integer(start)
                $0["current_period_end"] = .integer(end)
                $0["_whole_end"] = end < whole ? .integer(whole) : nil
            }
        }
        refreshPeriod(of: id)
        change(.subscription, id) { if Self.isTrialing($0) { $0["status"] = "active" } }
        let staysDraft =
            subscription.string("status") == "unpaid"
            || subscription.object("pause_collection").string("behavior") == "keep_as_draft"
        let customer = subscription.string("customer") ?? ""
        if lines.isEmpty, Self.isFlexible(subscription), pendingItems(customer: customer, subscription: id).isEmpty {
            return nil
        }
        let invoice = addInvoice(
            InvoiceDraft(
                customer: customer, subscription: known(.subscription, id),
                reason: "subscription_cycle", currency: subscription.string("currency") ?? "usd",
                period: (lookBack, now), lines: lines, finalizesLater: !staysDraft))
        if !usage.isEmpty { change(.invoice, invoice) { $0["_usage"] = .array(usage) } }
        change(.subscription, id) { $0["latest_invoice"] = .string(invoice) }
        return invoice
    }

    // MARK: Payments

    private func runIntent(_ id: String) {
        if known(.paymentIntent, id).string("status") == "processing" { settleDebit(id) } else { expireHold(id) }
    }

    // MARK: Invoices

    private func runInvoice(_ id: String) {
        let invoice = known(.invoice, id)
        let wasDraft = invoice.string("status") == "draft"
        // An attempt that was due is over, whatever came of it: only what follows it says when the next is.
        defer { forgetAttempt(of: id) }
        if wasDraft { finalize(id) }
        if withholdsCollection(of: id) { return }
        let current = known(.invoice, id)
        guard current.string("status") == "open" else { return }
        if current.string("collection_method") == "charge_automatically" {
            settle(id, collectByItself(current), automatic: true)
        } else if wasDraft {
            emit("invoice.sent", .invoice, id)
        } else {
            passDeadline(id)
        }
    }

    /// Takes the payment of an invoice that is due, unless its refusal was ordered.
    private func collectByItself(_ invoice: JSONObject) -> PaymentResult {
        let customer = invoice.string("customer") ?? ""
        var attempt = PaymentAttempt(offSession: true)
        if known(.customer, customer).has("_declines"), defaultMethod(ofInvoice: invoice) != nil {
            attempt.ordered = takeDecline(of: customer)
        }
        return collect(invoice.id, attempt)
    }

    private func forgetAttempt(of id: String) {
        guard let time = known(.invoice, id).integer("next_payment_attempt"), time <= now else { return }
        change(.invoice, id) { $0["next_payment_attempt"] = .null }
    }
}
