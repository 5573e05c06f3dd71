internal import JSON

/// `rpc.cancel`: a notification whose `id` names the call that its sender takes back (PROTOCOL section 5).
enum CancelNotification {
    static let method = "rpc.cancel"

    /// The id of the call to be cancelled, as it was written; nil where the params hold none.
    static func target(of params: [UInt8]?) -> [UInt8]? {
        guard let params, let id = (try? JSONValue(parsing: params))?["id"] else { return nil }
        return id.bytes
    }
}
