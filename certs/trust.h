// Makes programs of this machine trust a CA: the user's NSS database (Chromium and its kin) and, for root, the system's
// store (curl, Python, Go). Says each step before it is done and how to undo it.
// Used by `sluice certs --trust`. Runs certutil and update-ca-certificates directly, never through a shell.
// Invariant: nothing outside the two stores is touched.
#pragma once

#include <filesystem>
#include <ostream>
#include <string>

namespace sluice::certs {

struct TrustPlaces {
  std::filesystem::path nss_database = {};  // ~/.pki/nssdb
  std::filesystem::path system_certificates = "/usr/local/share/ca-certificates";
  bool is_root = false;
};
// Of this user on this machine; throws when HOME is not set.
[[nodiscard]] TrustPlaces trust_places();

// The lines that a user types to do it by hand.
[[nodiscard]] std::string nss_command(const std::filesystem::path& ca, const std::string& name,
                                      const std::string& database);
[[nodiscard]] std::string system_command(const std::filesystem::path& ca, const std::string& name);

// As one word of a shell's line: quoted when it has to be.
[[nodiscard]] std::string shell_word(const std::string& text);

// `name` is the CA's common name, under which it stands in the stores. False when a store could not be changed; why is
// printed with the remedy.
[[nodiscard]] bool trust_authority(const std::filesystem::path& ca, const std::string& name, const TrustPlaces& places,
                                   std::ostream& out);

}  // namespace sluice::certs
