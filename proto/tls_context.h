// What a TlsContext holds, for tls_context.cc and tls_session.cc alone. The contract is proto/tls.h.
// Invariant: nothing changes after construction but OpenSSL's own counters, which it locks.
#pragma once

#include <array>
#include <string>

#include "proto/openssl.h"
#include "proto/tls.h"

namespace sluice::proto {

struct TlsContext::Data {
  SslContextHandle context;
  bool is_server = false;
  bool verify = true;  // client: check chain and name
  std::string alpn;    // the wire format of RFC 7301 §3.1: each name after its length
  // Name, MAC key and cipher key of the tickets. Kept here so that a context made by a reload can go on with them and
  // every client still resumes.
  std::array<unsigned char, 80> ticket_keys{};
};

}  // namespace sluice::proto
