// The two ends of a TLS session's wire as one OpenSSL BIO: reads come from the span that receive() was given, writes go
// to the CiphertextSink. Nothing is copied and nothing buffered: OpenSSL's memory BIOs keep 16 KB and more each way.
// Owned by a TlsSession, on its thread. A read of nothing sets the retry flag, so that OpenSSL says WANT_READ, not EOF.
// Invariant: `incoming` is empty outside receive().
#pragma once

#include <openssl/bio.h>

#include <cstdint>
#include <span>

#include "proto/tls.h"

namespace sluice::proto {

struct TlsWire {
  std::span<const std::uint8_t> incoming;
  CiphertextSink* sink;
};

// A BIO over `wire`, which must outlive it. Throws std::bad_alloc.
[[nodiscard]] BIO* new_tls_bio(TlsWire& wire);

}  // namespace sluice::proto
