#include "gateway/source/mqtt_url.h"

#include <algorithm>
#include <stdexcept>

#include "gateway/source/url_part.h"

namespace sluice::source {

namespace {

constexpr const char* how_to_write =
    "; write mqtt://localhost:1883 or mqtts://user:password@localhost:8883, and in user and password % as %25, @ as "
    "%40, : as %3A, / as %2F, # as %23 and ? as %3F";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why + how_to_write); }

}  // namespace

std::string MqttUrl::authority() const { return UrlServer{.host = host, .port = port}.authority(); }

MqttUrl parse_mqtt_url(std::string_view text) {
  MqttUrl url;
  url.tls = text.starts_with("mqtts:");
  if (!url.tls && !text.starts_with("mqtt:")) refuse("the scheme must be mqtt, or mqtts for TLS");
  std::string_view rest = text.substr(text.find(':') + 1);
  if (!rest.starts_with("//")) refuse("two slashes are missing");
  rest.remove_prefix(2);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != std::string_view::npos)
    refuse("it has a path, a query or a fragment (the topic filter is the key `topic`)");

  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = rest.substr(0, at);
    const std::size_t colon = std::min(account.find(':'), account.size());
    url.user = decode_url_part(account.substr(0, colon), how_to_write);
    if (colon != account.size()) url.password = decode_url_part(account.substr(colon + 1), how_to_write);
    if (url.user.empty()) refuse("a password needs a user before it");
    rest.remove_prefix(at + 1);
  }
  const UrlServer server = parse_url_server(rest, url.tls ? 8883 : url.port, how_to_write);
  url.host = server.host;
  url.port = server.port;
  return url;
}

}  // namespace sluice::source
