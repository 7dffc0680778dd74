// A development certificate authority and the server certificates that it signs: keys and X.509 in memory, no file.
// Used by certs.cc, which keeps them on disk, and by tests. Not for production: there is no revocation and no policy.
// All keys are P-256: the cheapest handshake. The time is told, never asked. Throws std::runtime_error.
// Invariant: what make_leaf() returns verifies against the authority for each of its names.
#pragma once

#include <ctime>
#include <string>
#include <vector>

#include "proto/openssl.h"

namespace sluice::certs {

struct Issued {
  proto::CertificateHandle certificate;
  proto::KeyHandle key;
};

// Ten years: renewing it means trusting it again everywhere.
inline constexpr int authority_days = 3650;
// What browsers accept of any certificate, whoever signed it, is 398 days.
inline constexpr int leaf_days = 397;

[[nodiscard]] Issued make_authority(std::time_t now);

// A certificate for a server under `names` (host names, "*.example.test", addresses), the first as its common name.
[[nodiscard]] Issued make_leaf(const Issued& authority, const std::vector<std::string>& names, std::time_t now,
                               int days = leaf_days);

// The DNS names and addresses of the certificate, as make_leaf() takes them.
[[nodiscard]] std::vector<std::string> names_of(const X509* certificate);
// The spelling that certificates carry: lower case, "0:0:0:0:0:0:0:1" as "::1". Throws for what is no name.
[[nodiscard]] std::string canonical_name(const std::string& name);
[[nodiscard]] std::string common_name(const X509* certificate);

[[nodiscard]] std::string pem_text(const X509* certificate);
[[nodiscard]] std::string pem_text(const EVP_PKEY* key);

}  // namespace sluice::certs
