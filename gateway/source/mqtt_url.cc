#include "gateway/source/mqtt_url.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace sluice::source {

namespace {

constexpr const char* how_to_write =
    "; write mqtt://localhost:1883 or mqtts://user:password@localhost:8883, and in user and password % as %25, @ as "
    "%40, "
    ": as %3A, / as %2F, # as %23 and ? as %3F";

[[noreturn]] void refuse(const std::string& why) { throw std::invalid_argument(why + how_to_write); }

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at != text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    const auto high = at + 2 < text.size() ? hex_digit(text[at + 1]) : std::nullopt;
    const auto low = at + 2 < text.size() ? hex_digit(text[at + 2]) : std::nullopt;
    if (!high || !low) refuse("`%` is not followed by two hexadecimal digits");
    decoded += static_cast<char>(*high * 16 + *low);
    at += 2;
  }
  if (decoded.find('\0') != std::string::npos) refuse("%00 is no character of a user or a password");
  return decoded;
}

std::uint16_t parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || stop != text.data() + text.size() || port == 0)
    refuse("the port must be a number from 1 to 65535");
  return port;
}

}  // namespace

std::string MqttUrl::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

MqttUrl parse_mqtt_url(std::string_view text) {
  MqttUrl url;
  url.tls = text.starts_with("mqtts:");
  if (url.tls) url.port = 8883;
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
    url.user = decode(account.substr(0, colon));
    if (colon != account.size()) url.password = decode(account.substr(colon + 1));
    if (url.user.empty()) refuse("a password needs a user before it");
    rest.remove_prefix(at + 1);
  }

  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    if (close == std::string_view::npos) refuse("`[` without its `]`");
    url.host = rest.substr(1, close - 1);
    rest.remove_prefix(close + 1);
    if (!rest.empty() && rest.front() != ':') refuse("only a port can follow the host");
    port = rest;
  } else {
    const std::size_t colon = std::min(rest.find(':'), rest.size());
    url.host = rest.substr(0, colon);
    port = rest.substr(colon);
  }
  if (url.host.empty()) refuse("the host is missing");
  if (std::ranges::any_of(url.host, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    refuse("the host is neither a name nor an address");
  if (!port.empty()) url.port = parse_port(port.substr(1));
  return url;
}

}  // namespace sluice::source
