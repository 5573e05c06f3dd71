#include "COpenSSL.h"
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

int dues_hmac_sha256(const void *key, int key_count, const void *message, size_t message_count, unsigned char *digest) {
    unsigned int count = 32;
    return HMAC(EVP_sha256(), key, key_count, message, message_count, digest, &count) != 0 && count == 32;
}

// A key that needs a passphrase is an error: the default would ask for one on the terminal.
static int no_passphrase(char *buffer, int size, int is_writing, void *context) {
    (void)buffer, (void)size, (void)is_writing, (void)context;
    return -1;
}

SSL_CTX *dues_tls_context(int is_server) {
    ERR_clear_error();
    SSL_CTX *context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    if (!context) return 0;
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
    // An idle connection keeps no buffers.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    // Connections are long, and a resumed session would outlive the client authority that let it in.
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_default_passwd_cb(context, no_passphrase);
    if (!SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20")) {
        SSL_CTX_free(context);
        return 0;
    }
    return context;
}

int dues_tls_use_certificate(SSL_CTX *context, const char *chain_file, const char *key_file) {
    ERR_clear_error();
    return SSL_CTX_use_certificate_chain_file(context, chain_file) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_check_private_key(context) == 1;
}

int dues_tls_demand_peer(SSL_CTX *context, const char *authorities_file, int is_server) {
    ERR_clear_error();
    if (SSL_CTX_load_verify_file(context, authorities_file) != 1) return 0;
    if (is_server) {
        // The names that a client with several certificates chooses by.
        STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(authorities_file);
        if (!names) return 0;
        SSL_CTX_set_client_CA_list(context, names);
    }
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, 0);
    return 1;
}

int dues_tls_set_versions(SSL_CTX *context, int oldest, int newest) {
    // Security level 0 lets OpenSSL speak what it would refuse by itself.
    if (oldest < TLS1_2_VERSION) {
        SSL_CTX_set_security_level(context, 0);
        if (!SSL_CTX_set_cipher_list(context, "ALL:@SECLEVEL=0")) return 0;
    }
    return SSL_CTX_set_min_proto_version(context, oldest) && SSL_CTX_set_max_proto_version(context, newest);
}

SSL *dues_tls_session(SSL_CTX *context, int is_server, const char *host, BIO **incoming, BIO **outgoing) {
    ERR_clear_error();
    SSL *session = SSL_new(context);
    if (!session) return 0;
    *incoming = BIO_new(BIO_s_mem());
    *outgoing = BIO_new(BIO_s_mem());
    if (!*incoming || !*outgoing) {
        BIO_free(*incoming);
        BIO_free(*outgoing);
        SSL_free(session);
        return 0;
    }
    SSL_set_bio(session, *incoming, *outgoing);
    if (is_server) {
        SSL_set_accept_state(session);
        return session;
    }
    SSL_set_connect_state(session);
    if (host) {
        X509_VERIFY_PARAM *expected = SSL_get0_param(session);
        // A numeric address is matched against the certificate's addresses, and is never announced as a name.
        int is_set = X509_VERIFY_PARAM_set1_ip_asc(expected, host) == 1 ||
            (SSL_set1_host(session, host) == 1 && SSL_set_tlsext_host_name(session, host) == 1);
        if (!is_set) {
            SSL_free(session);
            return 0;
        }
    }
    return session;
}

size_t dues_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }

void dues_tls_reason(char *text, size_t capacity) {
    unsigned long code = ERR_get_error();
    const char *reason = 0;
    if (code) reason = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    snprintf(text, capacity, "%s", reason ? reason : code ? "an error without a name" : "");
    ERR_clear_error();
}
