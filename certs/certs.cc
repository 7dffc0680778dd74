#include "certs/certs.h"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "certs/authority.h"
#include "certs/files.h"
#include "proto/pem.h"

namespace sluice::certs {
namespace {

namespace fs = std::filesystem;

// A gateway that runs for weeks is restarted before its certificate ends.
constexpr std::time_t renewal_seconds = 30 * 86400;

void add_name(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
}

Issued load_or_make_authority(const fs::path& certificate, const fs::path& key, std::time_t now) {
  const bool has_certificate = fs::exists(certificate);
  const bool has_key = fs::exists(key);
  if (!has_certificate && !has_key) {
    Issued authority = make_authority(now);
    write_atomically(key, pem_text(authority.key.get()), 0600);
    write_atomically(certificate, pem_text(authority.certificate.get()), 0644);
    return authority;
  }
  if (has_certificate != has_key)
    throw std::runtime_error("CA " + (has_key ? certificate : key).string() + ": missing beside " +
                             (has_key ? key : certificate).filename().string() +
                             ": restore it, or remove both (clients must then trust a new CA)");
  try {
    proto::Credentials credentials = proto::read_credentials(certificate, key, now);
    return {std::move(credentials.leaf), std::move(credentials.key)};
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(std::string("CA: ") + error.what() + "; or remove ca.pem and ca.key in " +
                             certificate.parent_path().string() + " for a new CA (clients must then trust it)");
  }
}

// The names of the server certificate when it can stay as it is; none when it has to be made anew.
struct Present {
  std::vector<std::string> names;
  bool serviceable = false;
};
Present look_at_server(const CertificatePaths& paths, const Issued& authority, std::time_t now) {
  Present present;
  if (!fs::exists(paths.cert) || !fs::exists(paths.key)) return present;
  try {
    present.names = names_of(proto::read_certificates(paths.cert, "certificate").front().get());
    const proto::Credentials credentials = proto::read_credentials(paths.cert, paths.key, now + renewal_seconds);
    present.serviceable = X509_verify(credentials.leaf.get(), authority.key.get()) == 1;
    ERR_clear_error();
  } catch (const std::runtime_error&) {
    // Broken, expired or of another key: development files of ours, made anew.
  }
  return present;
}

}  // namespace

fs::path default_certificate_directory() {
  const char* data_home = std::getenv("XDG_DATA_HOME");
  if (data_home != nullptr && *data_home == '/') return fs::path(data_home) / "sluice/certs";
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home == '/') return fs::path(home) / ".local/share/sluice/certs";
  throw std::runtime_error("certificates: neither XDG_DATA_HOME nor HOME is set: name a directory with --dir");
}

CertificatePaths ensure_development_certificate(const fs::path& directory, const std::vector<std::string>& wanted,
                                                Renew renew) {
  std::vector<std::string> names = {"localhost", "127.0.0.1", "::1"};
  for (const std::string& name : wanted) add_name(names, canonical_name(name));

  make_private_directory(directory);
  const DirectoryLock lock(directory);
  const std::time_t now = std::time(nullptr);
  CertificatePaths paths{directory / "ca.pem", directory / "server.pem", directory / "server.key"};
  const Issued authority = load_or_make_authority(paths.ca, directory / "ca.key", now);

  const Present present = look_at_server(paths, authority, now);
  const bool complete = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
    return std::find(present.names.begin(), present.names.end(), name) != present.names.end();
  });
  if (present.serviceable && complete && renew == Renew::when_needed) return paths;

  for (const std::string& name : present.names) add_name(names, name);
  const Issued leaf = make_leaf(authority, names, now);
  // The key first: a crash in between leaves a pair that does not match, which the next start makes anew.
  write_atomically(paths.key, pem_text(leaf.key.get()), 0600);
  write_atomically(paths.cert, pem_text(leaf.certificate.get()), 0644);
  return paths;
}

}  // namespace sluice::certs
