// Certificates and keys read from PEM files, and checked as a pair, with errors that an operator can act on.
// Used at start-up by TlsContext and by certs/, never while serving: the one place under proto/ that opens a file,
// because its value is the error line. Throws PemError; the text is one line: role, file, what is wrong, the
// remedy. Invariant: what is returned is complete; an unreadable part of a file is an error, never a shorter chain.
#pragma once

#include <ctime>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "proto/openssl.h"

namespace sluice::proto {

class PemError : public std::runtime_error {
 public:
  PemError(std::string_view role, const std::string& line) : std::runtime_error(line), role_(role) {}
  // What the file at fault was to be: "certificate", "key", "CA".
  [[nodiscard]] const std::string& role() const { return role_; }

 private:
  std::string role_;
};

// All certificates of the file in its order, at least one. `role` opens the error line: "certificate", "CA".
[[nodiscard]] std::vector<CertificateHandle> read_certificates(const std::filesystem::path& file,
                                                               std::string_view role);

// The private key of the file; one that asks for a passphrase is refused.
[[nodiscard]] KeyHandle read_private_key(const std::filesystem::path& file);

struct Credentials {
  CertificateHandle leaf;
  std::vector<CertificateHandle> chain;  // intermediates in the order of the file
  KeyHandle key;
};
// Reads both and refuses what no client would accept: a key of another certificate, a leaf that is not first, a leaf
// out of its validity at `now`, an RSA key under 2048 bits.
[[nodiscard]] Credentials read_credentials(const std::filesystem::path& certificate, const std::filesystem::path& key,
                                           std::time_t now);

// "2026-11-22T17:10:52Z"
[[nodiscard]] std::string utc_text(const ASN1_TIME* time);

}  // namespace sluice::proto
