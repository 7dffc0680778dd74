// Where development certificates live: a directory with a CA of the machine's own and the server certificate that it
// signed. `sluice run` without a configured certificate starts from here; `sluice certs` shows and trusts it.
// Called once at start-up, before any thread; safe against a second process that does the same (a lock in the
// directory). Never replaces a CA: people have trusted it. Throws std::runtime_error with one line: file, problem,
// remedy. Invariant: after ensure_development_certificate() the three files exist, belong together and are valid for 30
// days.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sluice::certs {

struct CertificatePaths {
  std::filesystem::path ca;    // ca.pem: what clients trust
  std::filesystem::path cert;  // server.pem: for localhost, 127.0.0.1, ::1 and the names asked for
  std::filesystem::path key;   // server.key, mode 0600
};

// $XDG_DATA_HOME/sluice/certs, or ~/.local/share/sluice/certs.
[[nodiscard]] std::filesystem::path default_certificate_directory();

enum class Renew : bool { when_needed, always };
// Makes what is missing: the directory (mode 0700), the CA, the server certificate. The latter is renewed when fewer
// than 30 days are left, a name is missing, or it is not of this CA and key. `names` come beside localhost, 127.0.0.1,
// ::1 and those that the present certificate has.
CertificatePaths ensure_development_certificate(const std::filesystem::path& directory,
                                                const std::vector<std::string>& names = {},
                                                Renew renew = Renew::when_needed);

}  // namespace sluice::certs
