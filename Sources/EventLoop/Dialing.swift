internal import Glibc

extension SocketAddress {
    /// A blocking TCP connection to the address.
    package func connect() throws(SystemError) -> Descriptor {
        var found: Int32 = -1
        var failure = SystemError(call: "cannot connect to", code: 0, subject: description)
        try forEachResolved { socketAddress, length in
            let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            let raw = socket(Int32(socketAddress.pointee.sa_family), kind, 0)
            if raw >= 0, Glibc.connect(raw, socketAddress, length) == 0 {
                found = raw
                return true
            }
            failure = SystemError.last("cannot connect to", description)
            if raw >= 0 { close(raw) }
            return false
        }
        guard found >= 0 else { throw failure }
        return Descriptor(owning: found)
    }
}
