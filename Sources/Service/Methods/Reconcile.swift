package import Contract
internal import JSON
internal import Store
internal import Stripe

/// Reconcile: a part of a walk through Stripe's objects, each compared with its row.
extension BillingService {
    package func reconcile(_ params: ReconcileParams, _ call: CallContext) async throws(RPCError) -> ReconcileResult {
        let reconciler = Reconciler(
            customer: params.customerId, stripe: stripe, store: store, projector: projector, clock: clock,
            options: options(call, step: "reconcile"))
        do {
            let known = params.cursor == nil ? try await reconciler.known() : nil
            var next: ReconcileWalk? = try Self.walk(params)
            var checked = 0
            var drift: [Correction] = []
            while let here = next, checked < params.limit {
                let part = try await reconciler.take(here)
                checked += part.checked
                drift += part.drift
                next = part.next
            }
            return ReconcileResult(
                checked: Int64(checked), drift: drift.sorted { $0.change < $1.change }.map(Drift.init),
                known: known.map(Int64.init), nextCursor: next?.cursor)
        } catch let error as RPCError {
            throw error
        } catch let error as StripeError {
            throw RPCError(error)
        } catch let error as StoreError {
            throw RPCError(error)
        } catch {
            throw RPCError(.internalError, "\(error)")
        }
    }

    private static func walk(_ params: ReconcileParams) throws(RPCError) -> ReconcileWalk {
        guard let cursor = params.cursor else { return ReconcileWalk(ofCustomer: params.customerId) }
        if let walk = ReconcileWalk(cursor, ofCustomer: params.customerId) { return walk }
        let message = "is not the nextCursor of a call before"
        throw RPCError(
            .schema, "Reconcile: cursor \(message)",
            violations: [Violation(pointer: "/cursor", rule: "cursor", message: message)])
    }
}

extension Drift {
    fileprivate init(_ correction: Correction) {
        self.init(
            seq: correction.change, objectType: correction.kind.objectType, objectId: correction.object,
            customerId: correction.customer,
            found: DriftVerdict(correction.verdict), members: correction.members)
    }
}

extension DriftVerdict {
    fileprivate init(_ verdict: Correction.Verdict) {
        self =
            switch verdict {
            case .missing: .missing
            case .different: .different
            case .gone: .gone
            }
    }
}
