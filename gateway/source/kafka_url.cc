#include "gateway/source/kafka_url.h"

#include <stdexcept>

#include "gateway/source/url_part.h"

namespace sluice::source {

namespace {

// What a person who typed a password with a '#' or '@' in it has to know, whatever the parser stumbled on.
constexpr const char* how_to_write =
    ": write kafka://localhost:9092, or kafka://user:password@host1,host2; in user and password write % as %25, @ as "
    "%40, : as %3A, / as %2F and , as %2C";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why + how_to_write); }

}  // namespace

KafkaUrl parse_kafka_url(std::string_view text) {
  KafkaUrl url;
  if (!text.starts_with("kafka:")) refuse("the scheme must be kafka");
  text.remove_prefix(text.find(':') + 1);
  if (!text.starts_with("//")) refuse("two slashes are missing");
  text.remove_prefix(2);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = text.substr(0, at);
    const std::size_t colon = account.find(':');
    if (colon == std::string_view::npos || colon == 0) refuse("user or password is missing");
    url.user = decode_url_part(account.substr(0, colon), how_to_write);
    url.password = decode_url_part(account.substr(colon + 1), how_to_write);
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  for (;;) {
    const std::size_t comma = text.find(',');
    if (!url.servers.empty()) url.servers += ',';
    url.servers += parse_url_server(text.substr(0, comma), 9092, how_to_write).authority();
    if (comma == std::string_view::npos) return url;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::source
