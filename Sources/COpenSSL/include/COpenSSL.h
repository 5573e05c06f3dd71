#ifndef COPENSSL_H
#define COPENSSL_H
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
/// HMAC-SHA256 of `message` into the 32 bytes at `digest`; 1 on success.
int dues_hmac_sha256(const void *key, int key_count, const void *message, size_t message_count, unsigned char *digest);

// TLS: what OpenSSL offers only as macros, or what takes several calls that belong together.

/// A context with this house's defaults for a server (`is_server` 1) or a client (0): TLS 1.2 or later, forward secrecy and
/// authenticated encryption only, no compression, no renegotiation, no resumption. Null when OpenSSL refuses.
SSL_CTX *dues_tls_context(int is_server);
/// Takes the certificate chain and the private key of these PEM files, which must belong together; 1 on success.
int dues_tls_use_certificate(SSL_CTX *context, const char *chain_file, const char *key_file);
/// Demands that the peer shows a certificate of these authorities (a PEM file); 1 on success.
int dues_tls_demand_peer(SSL_CTX *context, const char *authorities_file, int is_server);
/// Sets the oldest and newest version that is spoken (TLS1_2_VERSION and so on); 1 on success. For tests of refusal.
int dues_tls_set_versions(SSL_CTX *context, int oldest, int newest);
/// A session over memory: what is received goes into `*incoming`, what is to be sent comes out of `*outgoing`, both owned by
/// the session. `host`, where not null, is the name or numeric address that the peer's certificate must bear. Null on failure.
SSL *dues_tls_session(SSL_CTX *context, int is_server, const char *host, BIO **incoming, BIO **outgoing);
/// Bytes that wait to be read from `bio`.
size_t dues_bio_pending(BIO *bio);
/// The first of this thread's OpenSSL errors as a short text without file names and data, forgetting them all; at most
/// `capacity` bytes with the final NUL. Empty when there is none.
void dues_tls_reason(char *text, size_t capacity);
#endif
