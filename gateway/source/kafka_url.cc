#include "gateway/source/kafka_url.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <stdexcept>

namespace sluice::source {

namespace {

// What a person who typed a password with a '#' or '@' in it has to know, whatever the parser stumbled on.
constexpr const char* how_to_encode =
    "; in user and password write % as %25, @ as %40, : as %3A, / as %2F and , as %2C";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why); }

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at != text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + at + 1;
    if (text.size() - at < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2 || byte == 0)
      refuse(std::string("`%` is not followed by two hexadecimal digits") + how_to_encode);
    decoded += static_cast<char>(byte);
    at += 2;
  }
  return decoded;
}

bool is_host(std::string_view host) {
  const bool address = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string_view letters = address ? host.substr(1, host.size() - 2) : host;
  return !letters.empty() && std::ranges::all_of(letters, [address](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           (address ? c == ':' : c == '-' || c == '_');
  });
}

std::string take_server(std::string_view server) {
  std::string_view host = server, port = "9092";
  const std::size_t colon = server.rfind(':');
  if (colon != std::string_view::npos && colon != 0 && (server.front() != '[' || server[colon - 1] == ']')) {
    host = server.substr(0, colon);
    port = server.substr(colon + 1);
  }
  if (!is_host(host))
    refuse(std::string("a host is missing, or neither a name nor an address: write kafka://localhost:9092") +
           how_to_encode);
  std::uint16_t number = 0;
  const auto [stop, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || stop != port.data() + port.size() || number == 0)
    refuse("the port must be a number from 1 to 65535");
  return std::string(host) + ":" + std::to_string(number);
}

}  // namespace

KafkaUrl parse_kafka_url(std::string_view text) {
  KafkaUrl url;
  if (!text.starts_with("kafka:")) refuse("the scheme must be kafka");
  text.remove_prefix(text.find(':') + 1);
  if (!text.starts_with("//")) refuse("two slashes are missing: write kafka://localhost:9092");
  text.remove_prefix(2);
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view account = text.substr(0, at);
    const std::size_t colon = account.find(':');
    if (colon == std::string_view::npos || colon == 0)
      refuse(std::string("user or password is missing: write kafka://user:password@host") + how_to_encode);
    url.user = decode(account.substr(0, colon));
    url.password = decode(account.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  if (text.ends_with('/')) text.remove_suffix(1);
  for (;;) {
    const std::size_t comma = text.find(',');
    if (!url.servers.empty()) url.servers += ',';
    url.servers += take_server(text.substr(0, comma));
    if (comma == std::string_view::npos) return url;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace sluice::source
