#include "gateway/client/target.h"

#include <algorithm>
#include <charconv>
#include <stdexcept>

namespace sluice::client {
namespace {

[[noreturn]] void refuse(std::string_view text, const char* why) {
  throw std::invalid_argument("\"" + std::string(text) + "\": " + why);
}

std::uint16_t parse_port(std::string_view digits, std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size() || port == 0)
    refuse(text, "the port must be a number from 1 to 65535");
  return port;
}

std::uint16_t default_port(bool tls) { return tls ? 443 : 80; }

void take_authority(Target& target, std::string_view authority, std::string_view text) {
  target.port = default_port(target.tls);
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) refuse(text, "']' is missing after the address");
    target.host = authority.substr(1, close - 1);
    port = authority.substr(close + 1);
  } else {
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    target.host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  if (target.host.empty()) refuse(text, "the host is missing: write https://host:port/path");
  if (target.host.find('@') != std::string::npos) refuse(text, "a user in the address is not supported");
  if (!port.empty()) target.port = parse_port(port.substr(1), text);
}

}  // namespace

std::string Target::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == default_port(tls) ? name : name + ":" + std::to_string(port);
}

Target parse_target(std::string_view text) {
  if (text.empty()) refuse(text, "an address, a path or a topic is missing");
  if (std::ranges::any_of(text, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    refuse(text, "blanks and control characters must be percent-encoded");

  Target target{true, "localhost", 8443, "/", ""};
  std::string_view rest = text.substr(0, text.find('#'));  // a fragment never leaves the client
  const bool plain = rest.starts_with("http://");
  if (plain || rest.starts_with("https://")) {
    target.tls = !plain;
    rest.remove_prefix(plain ? 7 : 8);
    const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    take_authority(target, rest.substr(0, slash), text);
    rest.remove_prefix(slash);
  } else if (rest.find("://") != std::string_view::npos) {
    refuse(text, "the scheme must be https or http");
  } else if (!rest.starts_with('/')) {
    const std::string_view name = rest.substr(0, rest.find('?'));
    target.path = name.find('/') == std::string_view::npos ? "/topics/" : "/";
  }
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  const std::string_view path = rest.substr(0, mark);
  if (path.starts_with('/'))
    target.path = path;
  else
    target.path += path;
  if (mark < rest.size()) target.query = rest.substr(mark + 1);
  return target;
}

}  // namespace sluice::client
