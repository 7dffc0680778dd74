// RedisUrl: where a Redis server is and who we are there, from `redis://[user:password@]host[:port][/database]`, or
// `rediss://` for TLS. A value, parsed once at start. Invariant: the host is not empty and holds no blank or control
// character. No error text repeats the URL: it may hold a password.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::source {

struct RedisUrl {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 6379;
  bool tls = false;
  std::string user;      // empty: Redis' default user
  std::string password;  // empty with an empty user: no AUTH
  std::uint32_t database = 0;

  [[nodiscard]] std::string authority() const;  // "localhost:6379", "[::1]:6379"
};

// User and password are percent-decoded. Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] RedisUrl parse_redis_url(std::string_view text);

}  // namespace sluice::source
