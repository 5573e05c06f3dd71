package import Contract
package import JSON
internal import Store

/// ListAccess: what CheckAccess would say of every product that the customer has subscribed to.
extension LocalService {
    package func listAccess(
        _ params: ListAccessParams, _ call: LocalContext, into result: inout JSONWriter
    ) throws(RPCError) {
        do throws(StoreError) {
            let known = try reader.subscriptions(ofCustomer: params.customerId)
            ListAccessResult(access: access.list(known)).write(into: &result, metadata: call.resultMetadata)
        } catch {
            throw RPCError(error)
        }
    }
}
