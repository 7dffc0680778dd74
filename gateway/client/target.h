// Target: whom a command means, parsed from what a person types. Values, used by tail, publish and the load client.
// Invariant: `path` starts with '/'; host, path and query hold no blank, control character or fragment.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::client {

struct Target {
  bool tls = true;   // false: http://
  std::string host;  // "localhost", "127.0.0.1", "::1": without brackets
  std::uint16_t port = 8443;
  std::string path;   // as typed, percent-encoding included
  std::string query;  // without '?'

  [[nodiscard]] std::string authority() const;  // "localhost:8443", "[::1]:8443"
  [[nodiscard]] const char* scheme() const { return tls ? "https" : "http"; }
};

//   "https://host[:port]/path?query"   port 443 when absent; http:// without TLS, port 80
//   "/path"                            at https://localhost:8443
//   "topic"                            its "/topics/topic" there
//   "demo/clock"                       its "/demo/clock" there
// Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] Target parse_target(std::string_view text);

}  // namespace sluice::client
