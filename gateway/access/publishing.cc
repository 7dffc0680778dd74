#include "gateway/access/publishing.h"

#include <algorithm>

namespace sluice::access {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

bool equal_ignoring_case(std::string_view a, std::string_view b) { return std::ranges::equal(a, b, {}, lower, lower); }

// Whether a page of `origin` came from the very authority that it now posts to. Browsers leave the default port out of
// both, or out of neither (RFC 6454 §6.2).
bool same_origin(std::string_view origin, const proto::Request& request) {
  return equal_ignoring_case(origin, request.scheme + "://" + request.authority);
}

// The token of `authorization: Bearer <token>` (RFC 6750 §2.1).
std::optional<std::string_view> bearer(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size() || !equal_ignoring_case(authorization.substr(0, scheme.size()), scheme))
    return std::nullopt;
  authorization.remove_prefix(std::min(authorization.find_first_not_of(' ', scheme.size()), authorization.size()));
  return authorization;
}

}  // namespace

bool equal_secrets(std::string_view secret, std::string_view given) {
  volatile unsigned difference = secret.size() == given.size() ? 0u : 1u;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char expected = secret.empty() ? '\0' : secret[i % secret.size()];
    difference = difference | (static_cast<unsigned char>(expected) ^ static_cast<unsigned char>(given[i]));
  }
  return difference == 0;
}

bool loopback_name(std::string_view authority) {
  for (const std::string_view name : {"localhost", "127.0.0.1", "[::1]"}) {
    if (!equal_ignoring_case(authority.substr(0, name.size()), name)) continue;
    std::string_view port = authority.substr(name.size());
    if (port.empty()) return true;
    if (port.front() != ':') continue;
    port.remove_prefix(1);
    return port.size() <= 5 && std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; });
  }
  return false;
}

std::optional<Refusal> Publishing::refuse_authority(const proto::Request& request) const {
  if (!rules_.zero_configuration || loopback_name(request.authority)) return std::nullopt;
  return Refusal{.status = 421,
                 .error = "not-this-host",
                 .detail =
                     "without a configuration file sluice answers localhost, 127.0.0.1 and [::1] only; to serve "
                     "other names start it with -c"};
}

std::optional<Refusal> Publishing::refuse_publish(const proto::Request& request) const {
  const std::string_view origin = request.field("origin");
  if (!origin.empty() && !same_origin(origin, request) && !cors_.allows(origin))
    return Refusal{.error = "origin-not-allowed",
                   .detail = "pages of " + std::string(origin) + " may not publish: list the origin in cors.origins"};
  if (rules_.secret.empty()) {
    if (open()) return std::nullopt;
    return Refusal{.error = "publishing-closed",
                   .detail =
                       "publishing needs a secret here: set access.publish_secret and send it as authorization: "
                       "Bearer <secret>"};
  }
  const auto token = bearer(request.field("authorization"));
  if (token && equal_secrets(rules_.secret, *token)) return std::nullopt;
  return Refusal{.status = 401,
                 .error = token ? "wrong-secret" : "no-secret",
                 .detail = token ? "the bearer is not access.publish_secret"
                                 : "publishing needs authorization: Bearer <access.publish_secret>",
                 .fields = {{"www-authenticate", "Bearer realm=\"sluice\""}}};
}

}  // namespace sluice::access
