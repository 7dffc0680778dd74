#include "gateway/source/url_part.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::source {

namespace {

bool is_name(std::string_view host) {
  return !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

// RFC 4291 §2.2, with the zone of RFC 4007 §11 ("fe80::1%eth0"); whether it is one that can be reached shows later.
bool is_ipv6(std::string_view host) {
  const std::string_view address = host.substr(0, host.find('%'));
  return address.find(':') != std::string_view::npos &&
         address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
         (address.size() == host.size() || is_name(host.substr(address.size() + 1)));
}

std::uint16_t parse_port(std::string_view text, const char* how_to_write) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || stop != text.data() + text.size() || port == 0)
    throw std::invalid_argument(std::string("the port must be a number from 1 to 65535") + how_to_write);
  return port;
}

}  // namespace

std::string decode_url_part(std::string_view text, const char* how_to_write) {
  std::string decoded;
  for (std::size_t at = 0; at != text.size(); ++at) {
    if (text[at] != '%') {
      decoded += text[at];
      continue;
    }
    unsigned byte = 0;
    const char* const digits = text.data() + at + 1;
    if (text.size() - at < 3 || std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2 || byte == 0)
      throw std::invalid_argument(std::string("`%` is not followed by two hexadecimal digits, or by 00") +
                                  how_to_write);
    decoded += static_cast<char>(byte);
    at += 2;
  }
  return decoded;
}

std::string UrlServer::authority() const {
  return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

UrlServer parse_url_server(std::string_view text, std::uint16_t default_port, const char* how_to_write) {
  const bool address = text.starts_with('[');
  const std::size_t close = address ? text.find(']') : 0;
  const std::size_t colon = std::min(text.find(':', std::min(close, text.size())), text.size());
  const std::string_view host = address ? text.substr(1, std::min(close, text.size()) - 1) : text.substr(0, colon);
  const bool stray = address && (close == std::string_view::npos || colon != std::min(close + 1, text.size()));
  if (stray || !(address ? is_ipv6(host) : is_name(host)))
    throw std::invalid_argument(std::string("a host is missing, or neither a name nor an address") + how_to_write);
  return {.host = std::string(host),
          .port = colon == text.size() ? default_port : parse_port(text.substr(colon + 1), how_to_write)};
}

}  // namespace sluice::source
