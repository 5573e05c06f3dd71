#define _GNU_SOURCE 1
#include "COpenSSL.h"
#include <dlfcn.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

// OpenSSL is loaded when the first of its functions is called, and not linked: that would take a quarter of the time that a
// process needs to start and to answer, and CheckAccess never asks for it. Each function that is used is here under its own
// name: it finds the real one, once, and calls it. They are hidden, so that OpenSSL's calls to itself do not come here.

static void *find(const char *name) {
    // Its handle is the same each time, and is never closed; libssl brings libcrypto with it.
    void *library = dlopen("libssl.so.3", RTLD_NOW | RTLD_LOCAL);
    void *function = library ? dlsym(library, name) : 0;
    if (function) return function;
    // As the dynamic linker would have ended the process at its start.
    fprintf(stderr, "dues: OpenSSL 3 cannot be loaded: %s\n", dlerror());
    abort();
}

#define LAZY(result, name, parameters, arguments) \
    __attribute__((visibility("hidden"))) result name parameters { \
        static void *found; \
        void *function = __atomic_load_n(&found, __ATOMIC_ACQUIRE); \
        if (!function) __atomic_store_n(&found, function = find(#name), __ATOMIC_RELEASE); \
        return ((__typeof__(&name))function) arguments; \
    }

LAZY(void, ERR_clear_error, (void), ())
LAZY(unsigned long, ERR_get_error, (void), ())
LAZY(const char *, ERR_reason_error_string, (unsigned long code), (code))

LAZY(int, CRYPTO_memcmp, (const void *left, const void *right, size_t count), (left, right, count))
LAZY(int, RAND_bytes, (unsigned char *bytes, int count), (bytes, count))
LAZY(const EVP_MD *, EVP_sha256, (void), ())
LAZY(unsigned char *, SHA256, (const unsigned char *bytes, size_t count, unsigned char *digest), (bytes, count, digest))
LAZY(unsigned char *, HMAC,
    (const EVP_MD *kind, const void *key, int key_count, const unsigned char *bytes, size_t count, unsigned char *digest,
        unsigned int *digest_count),
    (kind, key, key_count, bytes, count, digest, digest_count))

LAZY(const BIO_METHOD *, BIO_s_mem, (void), ())
LAZY(BIO *, BIO_new, (const BIO_METHOD *kind), (kind))
LAZY(int, BIO_free, (BIO *bio), (bio))
LAZY(int, BIO_read, (BIO *bio, void *bytes, int count), (bio, bytes, count))
LAZY(int, BIO_write, (BIO *bio, const void *bytes, int count), (bio, bytes, count))
LAZY(size_t, BIO_ctrl_pending, (BIO *bio), (bio))

LAZY(const SSL_METHOD *, TLS_client_method, (void), ())
LAZY(const SSL_METHOD *, TLS_server_method, (void), ())
LAZY(SSL_CTX *, SSL_CTX_new, (const SSL_METHOD *method), (method))
LAZY(void, SSL_CTX_free, (SSL_CTX *context), (context))
LAZY(long, SSL_CTX_ctrl, (SSL_CTX *context, int command, long number, void *pointer), (context, command, number, pointer))
LAZY(uint64_t, SSL_CTX_set_options, (SSL_CTX *context, uint64_t options), (context, options))
LAZY(int, SSL_CTX_set_num_tickets, (SSL_CTX *context, size_t count), (context, count))
LAZY(int, SSL_CTX_set_cipher_list, (SSL_CTX *context, const char *list), (context, list))
LAZY(void, SSL_CTX_set_security_level, (SSL_CTX *context, int level), (context, level))
LAZY(void, SSL_CTX_set_default_passwd_cb, (SSL_CTX *context, pem_password_cb *callback), (context, callback))
LAZY(int, SSL_CTX_use_certificate_chain_file, (SSL_CTX *context, const char *file), (context, file))
LAZY(int, SSL_CTX_use_PrivateKey_file, (SSL_CTX *context, const char *file, int kind), (context, file, kind))
LAZY(int, SSL_CTX_check_private_key, (const SSL_CTX *context), (context))
LAZY(int, SSL_CTX_load_verify_file, (SSL_CTX *context, const char *file), (context, file))
LAZY(void, SSL_CTX_set_verify, (SSL_CTX *context, int mode, SSL_verify_cb callback), (context, mode, callback))
LAZY(void, SSL_CTX_set_client_CA_list, (SSL_CTX *context, STACK_OF(X509_NAME) *names), (context, names))
LAZY(STACK_OF(X509_NAME) *, SSL_load_client_CA_file, (const char *file), (file))

LAZY(SSL *, SSL_new, (SSL_CTX *context), (context))
LAZY(void, SSL_free, (SSL *session), (session))
LAZY(long, SSL_ctrl, (SSL *session, int command, long number, void *pointer), (session, command, number, pointer))
LAZY(void, SSL_set_bio, (SSL *session, BIO *incoming, BIO *outgoing), (session, incoming, outgoing))
LAZY(void, SSL_set_accept_state, (SSL *session), (session))
LAZY(void, SSL_set_connect_state, (SSL *session), (session))
LAZY(int, SSL_set1_host, (SSL *session, const char *host), (session, host))
LAZY(int, SSL_do_handshake, (SSL *session), (session))
LAZY(int, SSL_read_ex, (SSL *session, void *bytes, size_t count, size_t *done), (session, bytes, count, done))
LAZY(int, SSL_write_ex, (SSL *session, const void *bytes, size_t count, size_t *done), (session, bytes, count, done))
LAZY(int, SSL_shutdown, (SSL *session), (session))
LAZY(int, SSL_get_shutdown, (const SSL *session), (session))
LAZY(int, SSL_get_error, (const SSL *session, int status), (session, status))
LAZY(const char *, SSL_get_version, (const SSL *session), (session))
LAZY(long, SSL_get_verify_result, (const SSL *session), (session))
LAZY(X509_VERIFY_PARAM *, SSL_get0_param, (SSL *session), (session))
LAZY(int, X509_VERIFY_PARAM_set1_ip_asc, (X509_VERIFY_PARAM *expected, const char *address), (expected, address))
LAZY(const char *, X509_verify_cert_error_string, (long code), (code))
