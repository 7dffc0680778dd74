// The verb `sluice certs`: makes the development certificates, says where they are and how each kind of client trusts
// them; with --trust, makes this machine's stores trust them.
// Called by main.cc, which has parsed the options. Throws std::runtime_error with one line.
// Invariant: prints no key.
#pragma once

#include <filesystem>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace sluice::certs {

struct CertsOptions {
  std::optional<std::filesystem::path> directory;  // --dir; none: default_certificate_directory()
  std::vector<std::string> names;                  // --name, beside localhost, 127.0.0.1 and ::1
  bool trust = false;                              // --trust
  bool renew = false;                              // --force: a new server certificate though the present one is good
};

// Returns the exit code: 0, or 1 when a store could not be changed.
[[nodiscard]] int run_certs_command(const CertsOptions& options, std::ostream& out);

}  // namespace sluice::certs
