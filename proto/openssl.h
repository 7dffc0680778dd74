// OpenSSL's handles in one shape, unique_ptr with a stateless deleter, and the text of its last error.
// Used by proto/tls_* and by certs/; header only. Whoever makes a handle owns it; OpenSSL's own reference counts are
// for OpenSSL. The error queue is per thread: clear it (ERR_clear_error) before each call whose failure is reported.
// Invariant: a handle is null or owns exactly one reference.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace sluice::proto {

template <auto Free>
struct OpensslDeleter {
  template <typename T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using BioHandle = std::unique_ptr<BIO, OpensslDeleter<BIO_free>>;
using KeyHandle = std::unique_ptr<EVP_PKEY, OpensslDeleter<EVP_PKEY_free>>;
using CertificateHandle = std::unique_ptr<X509, OpensslDeleter<X509_free>>;
using SslContextHandle = std::unique_ptr<SSL_CTX, OpensslDeleter<SSL_CTX_free>>;
using SslSessionHandle = std::unique_ptr<SSL_SESSION, OpensslDeleter<SSL_SESSION_free>>;
using SslHandle = std::unique_ptr<SSL, OpensslDeleter<SSL_free>>;

// The oldest error of this thread's queue, which is the cause of those after it; empties the queue.
inline std::string take_openssl_error() {
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  std::string text = code == 0 ? "unknown error" : reason != nullptr ? reason : "error " + std::to_string(code);
  ERR_clear_error();
  return text;
}

}  // namespace sluice::proto
