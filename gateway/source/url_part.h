// Parts that the URLs of engines have in common, where those are not what RFC 3986 calls a URL: several servers, or a
// password as a person types it. Pure. Every function throws std::invalid_argument with what is wrong; `how_to_write`
// ends its text. No text repeats what it was given: that may hold a password.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::source {

// Percent-decoded.
[[nodiscard]] std::string decode_url_part(std::string_view text, const char* how_to_write);

struct UrlServer {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;

  [[nodiscard]] std::string authority() const;  // "localhost:4222", "[::1]:4222"
};

// `host`, `host:port` or `[address]:port`.
[[nodiscard]] UrlServer parse_url_server(std::string_view text, std::uint16_t default_port, const char* how_to_write);

}  // namespace sluice::source
