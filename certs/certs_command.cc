#include "certs/certs_command.h"

#include <cstdlib>

#include "certs/authority.h"
#include "certs/certs.h"
#include "certs/trust.h"
#include "proto/pem.h"

namespace sluice::certs {
namespace {

namespace fs = std::filesystem;

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

std::string python_text(const std::string& text) {
  std::string literal = "\"";
  for (const char letter : text) {
    if (letter == '"' || letter == '\\') literal += '\\';
    literal += letter;
  }
  return literal + "\"";
}

// Spelled out: within quotes a shell expands no ~.
std::string nss_database() {
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : "~") + "/.pki/nssdb";
}

void print(const CertificatePaths& paths, const X509* ca, const X509* server, std::ostream& out) {
  const std::string name = common_name(ca);
  const std::string file = shell_word(paths.ca.string());
  out << "CA           " << paths.ca.string() << "\n"
      << "             " << name << ", until " << proto::utc_text(X509_get0_notAfter(ca)) << "\n"
      << "certificate  " << paths.cert.string() << "\n"
      << "             " << listed(names_of(server)) << ", until " << proto::utc_text(X509_get0_notAfter(server))
      << "\n"
      << "key          " << paths.key.string() << "\n"
      << "\n"
      << "curl         curl -N --cacert " << file << " https://localhost:8443/demo/clock\n"
      << "Node         NODE_EXTRA_CA_CERTS=" << file << " node app.js\n"
      << "Python       httpx.Client(http2=True, verify=" << python_text(paths.ca.string()) << ")\n"
      << "Chromium     " << nss_command(paths.ca, name, nss_database()) << "\n"
      << "Firefox      Settings, Privacy & Security, View Certificates, Authorities, Import\n"
      << "system       " << system_command(paths.ca, name) << "\n";
}

}  // namespace

int run_certs_command(const CertsOptions& options, std::ostream& out) {
  const fs::path directory = fs::absolute(options.directory ? *options.directory : default_certificate_directory());
  const CertificatePaths paths =
      ensure_development_certificate(directory, options.names, options.renew ? Renew::always : Renew::when_needed);
  const auto ca = proto::read_certificates(paths.ca, "CA");
  const auto server = proto::read_certificates(paths.cert, "certificate");
  print(paths, ca.front().get(), server.front().get(), out);
  if (!options.trust) {
    out << "\nTo let this machine trust the CA: sluice certs --trust\n";
    return 0;
  }
  out << "\n";
  return trust_authority(paths.ca, common_name(ca.front().get()), trust_places(), out) ? 0 : 1;
}

}  // namespace sluice::certs
