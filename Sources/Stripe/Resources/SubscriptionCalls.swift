/// The calls on subscriptions.
internal import JSON

extension StripeClient {
    /// What a reply needs to say what the customer has yet to confirm: see `StripeSubscription.confirmation`.
    package static let confirmationExpansion = ["latest_invoice.confirmation_secret", "pending_setup_intent"]

    package func createSubscription(
        _ creation: SubscriptionCreation, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        await completed(try await answer(.post, ["subscriptions"], creation.form, options), options)
    }

    package func retrieveSubscription(
        _ id: String, expand: [String] = [], _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        try await whole(try await answer(.get, ["subscriptions", id], Self.expanding(expand), options), options)
    }

    package func listSubscriptions(
        _ filter: SubscriptionFilter, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeSubscription>> {
        try await list(["subscriptions"], filter.form, options)
    }

    /// Items of one subscription, oldest first: for a subscription with more than its reply embeds.
    package func listSubscriptionItems(
        subscription: String, page: StripePage = StripePage(), _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeList<StripeSubscriptionItem>> {
        var form: FormParameters = ["subscription": .text(subscription)]
        page.write(to: &form)
        return try await list(["subscription_items"], form, options)
    }

    package func updateSubscription(
        _ id: String, _ update: SubscriptionUpdate, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        await completed(try await answer(.post, ["subscriptions", id], update.form, options), options)
    }

    /// Ends the subscription now.
    ///
    /// DELETE knows no idempotency key. Where an attempt failed and the next one finds nothing, the failed one did it (Stripe
    /// answers 404 for what is canceled): the subscription is retrieved to be sure.
    package func cancelSubscription(
        _ id: String, _ cancellation: SubscriptionCancellation, _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        do throws(StripeError) {
            return await completed(
                try await answer(.delete, ["subscriptions", id], cancellation.form, options), options)
        } catch {
            guard error.attempts > 1, error.refusal?.httpStatus == 404 else { throw error }
            let found = try await retrieveSubscription(id, options)
            guard found.object.hasEnded else { throw error }
            return found
        }
    }

    /// Takes up a subscription whose status is `paused`.
    package func resumeSubscription(
        _ id: String, billingCycleAnchor: BillingCycleAnchor? = nil, prorationBehavior: ProrationBehavior? = nil,
        prorationDate: Int64? = nil, paymentBehavior: ResumePaymentBehavior? = nil,
        _ options: StripeCallOptions = StripeCallOptions()
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        var form = Self.expanding(Self.confirmationExpansion)
        if let billingCycleAnchor {
            form.set("billing_cycle_anchor", ["type": .text(billingCycleAnchor.rawValue)] as FormValue)
        }
        form.set("proration_behavior", prorationBehavior?.rawValue)
        form.set("proration_date", prorationDate)
        form.set("payment_behavior", paymentBehavior?.rawValue)
        return await completed(try await answer(.post, ["subscriptions", id, "resume"], form, options), options)
    }

    // MARK: Items

    /// The answer with every item: a reply embeds only the first ones.
    private func whole(
        _ answer: StripeAnswer<StripeSubscription>, _ options: StripeCallOptions
    ) async throws(StripeError) -> StripeAnswer<StripeSubscription> {
        guard answer.object.itemsHaveMore, case .object(var value) = answer.reply.value,
            case .object(var list)? = value["items"]
        else { return answer }
        var items = list["data"]?.arrayValue ?? []
        var page = StripePage(limit: 100, startingAfter: answer.object.items.last?.id)
        repeat {
            let more = try await listSubscriptionItems(subscription: answer.object.id, page: page, options).object
            items += more.data.map(\.raw)
            page.startingAfter = more.nextCursor
        } while page.startingAfter != nil
        list["data"] = .array(items)
        list["has_more"] = false
        value["items"] = .object(list)
        var reply = answer.reply
        reply.value = .object(value)
        guard let object = StripeSubscription(reply.value) else { return answer }
        return StripeAnswer(object: object, reply: reply)
    }

    /// As `whole`, after a change, whose effect is there whether the other items can be read or not.
    private func completed(
        _ answer: StripeAnswer<StripeSubscription>, _ options: StripeCallOptions
    ) async -> StripeAnswer<StripeSubscription> {
        (try? await whole(answer, options)) ?? answer
    }
}
