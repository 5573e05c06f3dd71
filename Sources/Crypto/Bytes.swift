internal import COpenSSL
internal import Glibc

/// `count` bytes from the system's cryptographic generator; 256 at the most, as getentropy(3) gives them at once.
package func randomBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        precondition(getentropy(buffer.baseAddress, count) == 0, "no randomness: nothing secret could be made")
        filled = count
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone (so that a forger learns nothing).
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    let left = Array(left)
    let right = Array(right)
    return left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
}
