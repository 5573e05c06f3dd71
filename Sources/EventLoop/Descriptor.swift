internal import Glibc

/// An open file descriptor with one owner, closed when the owner lets go of it.
package struct Descriptor: ~Copyable {
    package let raw: Int32

    /// Takes `raw` over: nobody else may close it.
    package init(owning raw: Int32) { self.raw = raw }

    /// Takes over the result of a call that answers a descriptor, or -1 and `errno`.
    init(result raw: Int32, of call: String, _ subject: String = "") throws(SystemError) {
        guard raw >= 0 else { throw SystemError.last(call, subject) }
        self.raw = raw
    }

    /// close(2) frees the number even where it reports an error, so that there is nothing to retry.
    deinit { close(raw) }
}
