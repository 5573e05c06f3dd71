/// An event of Stripe's as it arrived.
package struct JournalEvent: Sendable, Equatable {
    /// Its place in the journal; 0 before it has one.
    package var sequence: Int64
    /// Stripe's id, unique.
    package var id: String
    /// Stripe's type, such as `invoice.paid`.
    package var type: String
    /// When Stripe made it, in Unix seconds.
    package var created: Int64
    /// When it arrived here, in Unix seconds.
    package var received: Int64
    /// The bytes that were signed.
    package var payload: [UInt8]

    package init(
        sequence: Int64 = 0, id: String, type: String, created: Int64, received: Int64, payload: [UInt8]
    ) {
        self.sequence = sequence
        self.id = id
        self.type = type
        self.created = created
        self.received = received
        self.payload = payload
    }
}
