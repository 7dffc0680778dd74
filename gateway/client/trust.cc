#include "gateway/client/trust.h"

#include <cstdlib>
#include <utility>

namespace sluice::client {
namespace {

bool is_this_machine(const std::string& host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "::1" || host.starts_with("127.");
}

std::optional<std::filesystem::path> choose_ca(const Trust& trust, const std::string& host) {
  if (trust.cacert) return trust.cacert;
  if (const char* path = std::getenv("SLUICE_CACERT"); path != nullptr && *path != '\0') return path;
  std::error_code ignored;
  if (is_this_machine(host) && std::filesystem::exists(trust.development_ca, ignored)) return trust.development_ca;
  return std::nullopt;
}

}  // namespace

proto::TlsContext make_client_tls(const Trust& trust, const std::string& host, std::string alpn) {
  proto::TlsContext::ClientOptions options;
  options.alpn = std::move(alpn);
  options.verify = !trust.insecure;
  if (options.verify) options.ca = choose_ca(trust, host);
  return proto::TlsContext::client(options);
}

}  // namespace sluice::client
