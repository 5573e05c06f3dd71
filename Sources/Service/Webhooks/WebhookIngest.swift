internal import JSON
package import Store
package import Stripe

/// Takes webhooks in: verified, written down, committed, and only then acknowledged. What an event means is worked out
/// later, from the journal.
package struct WebhookIngest: Sendable {
    /// The largest event that is accepted, in bytes.
    package static let maximumPayloadBytes = 1024 * 1024

    let store: any Store
    let secrets: [WebhookSecret]
    let projector: Projector
    let health: Health
    let clock: @Sendable () -> Int64

    package init(
        store: any Store, secrets: [WebhookSecret], projector: Projector, health: Health,
        clock: @escaping @Sendable () -> Int64
    ) {
        self.store = store
        self.secrets = secrets
        self.projector = projector
        self.health = health
        self.clock = clock
    }

    /// An event that is on the disk.
    package struct Receipt: Sendable, Equatable {
        package let eventID: String
        package let type: String
        /// Whether it was there before.
        package let isDuplicate: Bool
    }

    /// Why a delivery is not taken.
    package enum Refusal: Error, Sendable {
        /// Nobody who holds a secret sent this, now.
        case signature(WebhookSignatureError)
        /// It is signed, but it is no event.
        case payload(String)
        /// It could not be written down: it is to be sent again.
        case store(StoreError)
    }

    /// Returns when the event is committed. A delivery that is refused leaves no trace.
    package func ingest(payload: [UInt8], signature: String) async throws(Refusal) -> Receipt {
        let now = clock()
        do throws(WebhookSignatureError) {
            try WebhookSignature.verify(payload: payload, header: signature, secrets: secrets, now: now)
        } catch {
            health.webhookRefused("a delivery was refused: \(error)")
            throw .signature(error)
        }
        let event = try read(payload)
        let entry = JournalEvent(event, received: now, payload: payload)
        do throws(StoreError) {
            let isNew = try await store.journal(entry)
            health.storeCommitted()
            health.webhookArrived()
            if isNew { projector.wake() }
            return Receipt(eventID: event.id, type: event.type, isDuplicate: !isNew)
        } catch {
            health.storeFailed("\(error)")
            throw .store(error)
        }
    }

    private func read(_ payload: [UInt8]) throws(Refusal) -> StripeEvent {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: payload)
        } catch {
            throw .payload("the payload is not valid JSON: \(error)")
        }
        guard let event = StripeEvent(value) else {
            throw .payload("the payload is not an event: id, type, created and data.object are needed")
        }
        return event
    }
}
