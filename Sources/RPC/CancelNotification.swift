internal import JSON

/// `rpc.cancel`: a notification whose `id` names the call that its sender takes back (PROTOCOL section 5).
enum CancelNotification {
    static let method = "rpc.cancel"

    /// The id of the call to be cancelled; nil where the params hold none.
    static func target(of params: [UInt8]?) -> JSONValue? {
        params.flatMap { try? JSONValue(parsing: $0) }?["id"]
    }
}
