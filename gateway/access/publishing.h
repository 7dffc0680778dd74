// Publishing: may this request publish, and does it address us at all?
// Reading is open; publishing is open only where no stranger can reach it: in the zero-configuration mode, on loopback.
// Everywhere else it takes `access.publish_secret` as a bearer. A browser's POST must come from our own page or a
// listed origin (CSRF), and the zero-configuration mode answers loopback names only (DNS rebinding).
// Immutable, shared by all workers; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/access/cors.h"
#include "gateway/access/refusal.h"
#include "proto/http.h"

namespace sluice::access {

class Publishing {
 public:
  struct Rules {
    std::string secret;               // empty: none
    bool zero_configuration = false;  // no file
    bool loopback = true;             // the listener cannot be reached from elsewhere
  };
  // `cors` outlives it.
  Publishing(Rules rules, const Cors& cors) : rules_(std::move(rules)), cors_(cors) {}

  // For every request, before its route is looked for. 421: the request is for somebody else (RFC 9110 §15.5.20).
  [[nodiscard]] std::optional<Refusal> refuse_authority(const proto::Request& request) const;
  // For a POST on a route that publishes.
  [[nodiscard]] std::optional<Refusal> refuse_publish(const proto::Request& request) const;
  // Whether nobody can publish because a secret is missing: worth a warning at start.
  [[nodiscard]] bool closed() const { return rules_.secret.empty() && !open(); }

 private:
  [[nodiscard]] bool open() const { return rules_.zero_configuration && rules_.loopback; }

  Rules rules_;
  const Cors& cors_;
};

// Time depends on the size of `given`, never on where it differs from `secret`.
[[nodiscard]] bool equal_secrets(std::string_view secret, std::string_view given);
// "localhost", "127.0.0.1", "[::1]", each with any port or none.
[[nodiscard]] bool loopback_name(std::string_view authority);

}  // namespace sluice::access
