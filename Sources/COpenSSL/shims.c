#include "COpenSSL.h"

int dues_hmac_sha256(const void *key, int key_count, const void *message, size_t message_count, unsigned char *digest) {
    unsigned int count = 32;
    return HMAC(EVP_sha256(), key, key_count, message, message_count, digest, &count) != 0 && count == 32;
}
