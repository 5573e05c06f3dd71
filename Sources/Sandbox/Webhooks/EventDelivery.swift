/// An event on its way to one endpoint.
package struct EventDelivery: Hashable, Sendable {
    package let event: String
    /// The id of a webhook endpoint, or `configured` for the address that the sandbox was started with.
    package let endpoint: String

    package static let configuredEndpoint = "configured"

    package init(event: String, endpoint: String) {
        self.event = event
        self.endpoint = endpoint
    }
}

/// The deliveries that nobody acknowledged yet, in the order in which they arose.
struct DeliveryBacklog {
    private var ordinals: [EventDelivery: Int] = [:]
    private var next = 0

    mutating func add(_ delivery: EventDelivery) {
        ordinals[delivery] = next
        next += 1
    }

    func contains(_ delivery: EventDelivery) -> Bool { ordinals[delivery] != nil }

    /// Whether it was there.
    @discardableResult
    mutating func remove(_ delivery: EventDelivery) -> Bool { ordinals.removeValue(forKey: delivery) != nil }

    var all: [EventDelivery] { ordinals.sorted { $0.value < $1.value }.map(\.key) }
}
