internal import COpenSSL

/// SHA-256 (FIPS 180-4) and HMAC-SHA256 (RFC 2104), by OpenSSL.
package enum Digest {
    /// The 32 bytes of SHA-256 of `message`.
    package static func sha256(_ message: some Collection<UInt8>) -> [UInt8] {
        let message = Array(message)
        return [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            // SHA256 cannot fail: it takes any bytes and returns the buffer that it was given.
            _ = SHA256(message, message.count, digest.baseAddress)
            count = 32
        }
    }

    /// The 32 bytes of HMAC-SHA256 of `message` under `key`.
    package static func hmacSHA256(key: some Collection<UInt8>, message: some Collection<UInt8>) -> [UInt8] {
        let key = Array(key)
        let message = Array(message)
        return [UInt8](unsafeUninitializedCapacity: 32) { digest, count in
            let done = dues_hmac_sha256(key, Int32(key.count), message, message.count, digest.baseAddress)
            precondition(done == 1, "HMAC-SHA256 fails only when OpenSSL cannot allocate")
            count = 32
        }
    }
}
