#include "gateway/source/redis_url.h"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>

namespace sluice::source {
namespace {

namespace urls = boost::urls;

// What a person who typed a password with a '#' or '@' in it has to know, whatever the parser stumbled on.
constexpr const char* how_to_encode =
    "; in the user and the password write % as %25, @ as %40, : as %3A, / as %2F, # as %23 and ? as %3F";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

std::string parse_host(const urls::url_view& url) {
  std::string host = url.host_address();
  if (host.empty()) {
    const bool cut = url.path().find('@') != std::string::npos;  // "redis://:1/2@host"
    refuse(std::string("the host is missing: write redis://localhost:6379") + (cut ? how_to_encode : ""));
  }
  const bool visible = std::ranges::none_of(host, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  if (!visible || url.host_type() == urls::host_type::ipvfuture) refuse("the host is neither a name nor an address");
  return host;
}

std::uint16_t parse_port(const urls::url_view& url) {
  if (!url.has_port() || url.port().empty()) return RedisUrl().port;
  const std::uint16_t port = url.port_number();  // 0 when it is too large
  if (port == 0) refuse("the port must be a number from 1 to 65535");
  return port;
}

std::uint32_t parse_database(const urls::url_view& url) {
  const std::string path = url.path();
  if (path.empty() || path == "/") return 0;
  std::uint32_t database = 0;
  const char* const end = path.data() + path.size();
  const auto [stop, error] = std::from_chars(path.data() + 1, end, database);
  if (error != std::errc() || stop != end || database > std::numeric_limits<std::int32_t>::max())
    refuse("the path must be the number of a database: write redis://localhost:6379/0");
  return database;
}

}  // namespace

std::string RedisUrl::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

RedisUrl parse_redis_url(std::string_view text) {
  RedisUrl parsed;
  parsed.tls = text.starts_with("rediss:");
  if (!parsed.tls && !text.starts_with("redis:")) refuse("the scheme must be redis, or rediss for TLS");
  if (!text.substr(text.find(':') + 1).starts_with("//"))
    refuse("two slashes are missing: write redis://localhost:6379");
  const auto found = urls::parse_uri({text.data(), text.size()});
  // Boost.URL 1.81 ends an authority at the first byte that does not belong there and takes the rest for the path,
  // which RFC 3986 §3.3 has begin with a slash.
  const bool is_url = found && (found->encoded_path().empty() || found->is_path_absolute());
  if (!is_url) refuse(std::string("not a URL: host or port cannot be read") + how_to_encode);
  const urls::url_view& url = *found;

  parsed.host = parse_host(url);
  parsed.port = parse_port(url);
  parsed.database = parse_database(url);
  if (url.has_query() || url.has_fragment())
    refuse(std::string("a redis URL has no query and no fragment") + how_to_encode);
  if (!url.has_userinfo()) return parsed;
  if (!url.has_password())
    refuse(
        "a user without a password: write redis://user:password@host, or redis://:password@host for the default user");
  parsed.user = url.user();
  parsed.password = url.password();
  return parsed;
}

}  // namespace sluice::source
