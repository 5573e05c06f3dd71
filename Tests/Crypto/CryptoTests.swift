import Crypto
import Testing

@Suite struct CryptoTests {
    @Test func `SHA-256 gives the digest of FIPS 180-4's example`() {
        #expect(
            Encoding.hexadecimal(Digest.sha256(Array("abc".utf8)))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }

    /// RFC 4231, test case 2.
    @Test func `HMAC-SHA256 gives the RFC's code`() {
        let code = Digest.hmacSHA256(key: Array("Jefe".utf8), message: Array("what do ya want for nothing?".utf8))
        #expect(Encoding.hexadecimal(code) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test(arguments: 0..<70)
    func `base64url reads back what it wrote`(count: Int) {
        let bytes = randomBytes(count)
        #expect(Encoding.decodeBase64url(Encoding.base64url(bytes)) == bytes)
    }

    @Test(arguments: ["a", "ab=", "a+b/", "AB", "é"])
    func `what is not base64url is refused`(text: String) {
        #expect(Encoding.decodeBase64url(text) == nil)
    }

    @Test func `equality holds for equal bytes alone`() {
        #expect(constantTimeEqual([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEqual([1, 2, 3], [1, 2]))
        #expect(constantTimeEqual([] as [UInt8], []))
    }

    @Test func `random bytes do not repeat`() {
        #expect(randomBytes(16) != randomBytes(16))
    }
}
