#ifndef COPENSSL_H
#define COPENSSL_H
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
/// HMAC-SHA256 of `message` into the 32 bytes at `digest`; 1 on success.
int dues_hmac_sha256(const void *key, int key_count, const void *message, size_t message_count, unsigned char *digest);
#endif
