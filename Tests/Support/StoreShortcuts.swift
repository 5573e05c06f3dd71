package import Store
internal import Billing

/// One event at a time, as tests tell stories.
extension Store {
    /// Projects an event that bears an object.
    package func project(_ object: MirrorObject, from event: EventBasis) async throws -> ProjectionOutcome {
        guard let outcome = try await project([EventNews(object: object, basis: event)]).first else {
            throw StoreError(.misuse, "an event has no outcome")
        }
        return outcome
    }

    /// Closes an event that says nothing to the mirror.
    package func markProjected(sequence: Int64, at now: Int64) async throws {
        let basis = EventBasis(sequence: sequence, created: now, kind: .updated, now: now)
        _ = try await project([EventNews(object: nil, basis: basis)])
    }
}
