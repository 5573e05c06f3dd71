package import Contract

/// Makes a call with an idempotency key happen once (PROTOCOL section 3): the same key with the same params is answered as
/// the first time, and the same key with others is refused.
package protocol CallKeeper: Sendable {
    /// Answers with the kept result of an earlier call, or performs this one and keeps what it answers.
    ///
    /// `params` is the JSON text of the params, metadata included. `perform` is to be given the call with its `run` set.
    func keep(
        _ call: CallContext, params: [UInt8], _ perform: @Sendable (CallContext) async throws(RPCError) -> [UInt8]
    ) async throws(RPCError) -> [UInt8]
}
