internal import COpenSSL

/// `count` bytes from the system's cryptographic generator.
package func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        let done = RAND_bytes(buffer.baseAddress, Int32(count))
        precondition(done == 1, "no randomness: nothing secret could be made")
        filled = count
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone (so that a forger learns nothing).
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    let left = Array(left)
    let right = Array(right)
    return left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
