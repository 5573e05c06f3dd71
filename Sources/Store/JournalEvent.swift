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
    /// The customer and the subscription which it concerns, where its object names them.
    package var customer: String?
    package var subscription: String?
    /// The bytes that were signed.
    package var payload: [UInt8]

    package init(
        sequence: Int64 = 0, id: String, type: String, created: Int64, received: Int64, customer: String?,
        subscription: String?, payload: [UInt8]
    ) {
        self.sequence = sequence
        self.id = id
        self.type = type
        self.created = created
        self.received = received
        self.customer = customer
        self.subscription = subscription
        self.payload = payload
    }
}
