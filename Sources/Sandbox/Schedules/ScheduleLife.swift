import JSON

/// What a schedule does as time passes: it begins its subscription, moves it from phase to phase, and lets go of it or
/// ends it after the last.
extension Account {
    /// When a schedule next has something to do.
    static func dueSchedule(_ schedule: JSONObject) -> Int64? {
        switch schedule.string("status") {
        case "not_started": schedule.array("phases").first?["start_date"]?.integerValue
        case "active":
            [schedule.object("current_phase").integer("end_date"), schedule.integer("_expiry")].compactMap(\.self).min()
        default: nil
        }
    }

    /// Does the one thing that is due first.
    func runSchedule(_ id: String) {
        let schedule = known(.schedule, id)
        if schedule.string("status") == "not_started" {
            let before = render(.schedule, schedule)
            guard let subscription = try? beginSchedule(id) else {
                // The customer or a price is gone: there is nothing to begin.
                return closeSchedule(id, "canceled", event: "aborted")
            }
            emitUpdate("subscription_schedule.updated", .schedule, id, since: before)
            emitBeginning(of: subscription)
        } else if let expiry = schedule.integer("_expiry"), expiry <= now {
            change(.schedule, id) { $0["_expiry"] = nil }
            emit("subscription_schedule.expiring", .schedule, id)
        } else if let phase = phase(of: id, at: now) {
            enter(phase, of: id)
        } else {
            finish(id)
        }
    }

    /// The phase of a moment.
    func phase(of schedule: String, at time: Int64) -> JSONObject? {
        known(.schedule, schedule).array("phases").compactMap(\.objectValue).first {
            ($0.integer("start_date") ?? .max) <= time && time < ($0.integer("end_date") ?? .min)
        }
    }

    func setCurrentPhase(of id: String, _ phase: JSONObject) {
        change(.schedule, id) {
            $0["current_phase"] = ["end_date": phase["end_date"] ?? .null, "start_date": phase["start_date"] ?? .null]
        }
    }

    // MARK: Beginning

    /// Opens the subscription of the first phase; its first invoice is a draft for an hour, like a renewal's. No events.
    func beginSchedule(_ id: String) throws(APIFailure) -> String {
        let schedule = known(.schedule, id)
        let phase = schedule.array("phases").first?.objectValue ?? [:]
        var params = terms(of: phase, for: nil, in: schedule)
        params["customer"] = schedule["customer"]
        params["currency"] = phase["currency"]
        params["billing_mode"] = schedule["billing_mode"]
        if let end = plannedEnd(schedule, for: [:]) { params["cancel_at"] = end }
        let subscription = try openSubscription(params, requiresMethod: false, isScheduled: true).subscription
        attachSchedule(id, to: subscription)
        return subscription
    }

    func emitBeginning(of subscription: String) {
        emit("customer.subscription.created", .subscription, subscription)
        if let invoice = known(.subscription, subscription).string("latest_invoice") {
            emit("invoice.created", .invoice, invoice)
        }
        announceTrialEnd(subscription)
    }

    /// Joins a schedule and its subscription. No events.
    func attachSchedule(_ id: String, to subscription: String) {
        change(.schedule, id) {
            $0["status"] = "active"
            $0["subscription"] = .string(subscription)
        }
        if let phase = phase(of: id, at: now) { setCurrentPhase(of: id, phase) }
        change(.subscription, subscription) { $0["schedule"] = .string(id) }
        noteEnd(of: id)
    }

    /// Notes when the end of a schedule is to be announced, a week before it, and whether it is its subscription's too.
    func noteEnd(of id: String) {
        let schedule = known(.schedule, id)
        let end = schedule.array("phases").last?["end_date"]?.integerValue ?? now
        let expiry = end - 7 * CivilDate.secondsPerDay
        change(.schedule, id) { $0["_expiry"] = expiry > now ? .integer(expiry) : JSONValue?.none }
        guard let subscription = schedule.string("subscription") else { return }
        change(.subscription, subscription) { $0["_ends_by_schedule"] = endsSubscription(schedule) ? true : nil }
    }

    private func endsSubscription(_ schedule: JSONObject) -> Bool { schedule.string("end_behavior") == "cancel" }

    /// The `cancel_at` that a schedule's end means for a subscription; nil where that is as it should be.
    func plannedEnd(_ schedule: JSONObject, for subscription: JSONObject) -> JSONValue? {
        guard endsSubscription(schedule) else { return subscription.flag("_ends_by_schedule") ? .null : nil }
        let end = schedule.array("phases").last?["end_date"] ?? .null
        return subscription["cancel_at"] == end ? nil : end
    }

    // MARK: Phases

    /// What a phase says, as the parameters of a subscription's creation or (with its id) of its update.
    func terms(of phase: JSONObject, for subscription: String?, in schedule: JSONObject) -> JSONObject {
        let defaults = schedule.object("default_settings")
        var terms: JSONObject = [
            "metadata": phase["metadata"] ?? [:], "proration_behavior": phase["proration_behavior"] ?? "create_prorations",
        ]
        for name in ["collection_method", "default_payment_method", "description"] {
            let said = [phase[name], defaults[name]].compactMap(\.self).first { !$0.isNull }
            if let said { terms[name] = said }
        }
        let invoices = [phase, defaults].map { $0.object("invoice_settings") }.first { !$0.isEmpty } ?? [:]
        terms["invoice_settings"] = .object(invoices)
        if terms.string("collection_method") == "send_invoice" {
            terms["days_until_due"] = .integer(invoices.integer("days_until_due") ?? 30)
        }
        if let end = phase.integer("trial_end"), end > now { terms["trial_end"] = .integer(end) }
        writeMoney(of: phase, for: subscription.map { known(.subscription, $0) }, into: &terms)
        guard let subscription else {
            terms["items"] = .array(phase.array("items").map(entry))
            return terms
        }
        terms["items"] = .array(itemChanges(of: subscription, to: phase.array("items")))
        if known(.subscription, subscription)["trial_end"] == terms["trial_end"] { terms["trial_end"] = nil }
        let anchor = [phase, defaults].compactMap { $0.string("billing_cycle_anchor") }.first
        if anchor == "phase_start", phase.integer("start_date") == now {
            terms["billing_cycle_anchor"] = ["type": "now"]
        }
        return terms
    }

    private func entry(_ item: JSONValue) -> JSONValue {
        var entry: JSONObject = ["metadata": item["metadata"] ?? [:], "price": item["price"] ?? .null]
        entry["quantity"] = item["quantity"]
        writeMoney(ofItem: item, for: nil, into: &entry)
        return .object(entry)
    }

    /// The entries of `items` that turn a subscription's items into `wanted`: items of the same price stay, others change
    /// their price, the rest is added or removed.
    private func itemChanges(of subscription: String, to wanted: [JSONValue]) -> [JSONValue] {
        var rest = items(of: subscription)
        var changes: [JSONValue] = []
        var others: [JSONValue] = []
        for item in wanted {
            guard let index = rest.firstIndex(where: { $0["_price"] == item["price"] }) else {
                others.append(item)
                continue
            }
            let kept = rest.remove(at: index)
            var entry: JSONObject = [:]
            writeMoney(ofItem: item, for: kept, into: &entry)
            guard kept["quantity"] != item["quantity"] || kept["metadata"] != item["metadata"] || !entry.isEmpty else {
                continue
            }
            entry["id"] = .string(kept.id)
            entry["metadata"] = item["metadata"] ?? [:]
            entry.copy(["quantity"], from: item.objectValue ?? [:])
            changes.append(.object(entry))
        }
        for item in others {
            var entry = entry(item).objectValue ?? [:]
            if !rest.isEmpty {
                let old = rest.removeFirst()
                entry["id"] = .string(old.id)
                writeMoney(ofItem: item, for: old, into: &entry)
            }
            changes.append(.object(entry))
        }
        return changes + rest.map { ["id": .string($0.id), "deleted": true] }
    }

    /// Begins a phase at its time. Where a billing period ends at the same moment, the renewal is already the new phase's
    /// and nothing is prorated; a paused subscription has none until it is resumed.
    private func enter(_ phase: JSONObject, of id: String) {
        let scheduleBefore = rendered(.schedule, id)
        setCurrentPhase(of: id, phase)
        emitUpdate("subscription_schedule.updated", .schedule, id, since: scheduleBefore)
        guard let subscription = known(.schedule, id).string("subscription") else { return }
        let terms = terms(of: phase, for: subscription, in: known(.schedule, id))
        let point = savepoint
        do throws(APIFailure) {
            let before = rendered(.subscription, subscription)
            if before.string("status") == "paused" {
                try exchange(terms, of: subscription)
                emitUpdate("customer.subscription.updated", .subscription, subscription, since: before)
            } else if items(of: subscription).contains(where: { ($0.integer("current_period_end") ?? .max) <= now }) {
                try exchange(terms, of: subscription)
                runPeriodEnd(subscription, since: before)
            } else {
                try applyUpdate(subscription, terms, finalizesLater: true)
            }
        } catch {
            // A price was archived or a method detached since: the subscription goes on as it is.
            rollback(to: point)
        }
    }

    /// Exchanges the items of a subscription whose period is over and not yet renewed. Items of another interval, whose
    /// period goes on, are prorated as ever.
    private func exchange(_ terms: JSONObject, of id: String) throws(APIFailure) {
        let running = items(of: id).filter { ($0.integer("current_period_end") ?? now) > now }.map {
            JSONValue.string($0.id)
        }
        let (later, ended) = terms.array("items").reduce(into: ([JSONValue](), [JSONValue]())) { parts, entry in
            if running.contains(entry["id"] ?? .null) { parts.0.append(entry) } else { parts.1.append(entry) }
        }
        if !later.isEmpty {
            let behavior = terms["proration_behavior"] ?? "create_prorations"
            try applyUpdate(id, ["items": .array(later), "proration_behavior": behavior], finalizesLater: true)
        }
        var terms = terms
        terms["items"] = .array(ended)
        let subscription = known(.subscription, id)
        let edits = try itemEdits(terms, of: subscription)
        try applyMembers(terms, to: id)
        let restarts = terms.has("billing_cycle_anchor")
        if restarts {
            for item in items(of: id) where !running.contains(.string(item.id)) {
                change(.subscriptionItem, item.id) { $0["_anchor"] = .integer(now) }
            }
        }
        for edit in edits {
            var item = edit.item?.id
            if let old = edit.item, Self.isMetered(price(of: old)), edit.changesAmount(from: price(of: old)) {
                try billUsage(of: old, until: now, subscription)
            }
            if let old = edit.item, Self.interval(of: price(of: old)) != Self.interval(of: edit.price) {
                change(.subscriptionItem, old.id) { $0["_anchor"] = .integer(now) }
            }
            if item == nil {
                let metadata = Self.newMetadata(["metadata": edit.metadata ?? [:]])
                item = addItem(
                    ItemTerms(price: edit.price, quantity: edit.quantity, metadata: metadata), to: id, start: now,
                    end: now, anchor: subscription.integer("billing_cycle_anchor") ?? now)
            }
            if let item { try apply(edit, to: item) }
        }
        if restarts { change(.subscription, id) { $0["billing_cycle_anchor"] = .integer(now) } }
    }

    // MARK: The end

    private func finish(_ id: String) {
        let schedule = known(.schedule, id)
        guard schedule.string("end_behavior") == "cancel", let subscription = schedule.string("subscription") else {
            return detachSchedule(id, keepsCancelDate: false)
        }
        closeSchedule(id, "completed", event: "completed")
        endAsPlanned(subscription, reason: "cancellation_requested")
    }
}
