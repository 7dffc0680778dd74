#include "gateway/client/redirect.h"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

char lower(char byte) { return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte; }

// RFC 3986 §6.2.2.1, §6.2.3: host and scheme know no case, and a default port is as good as none.
std::string normalise(std::string_view authority, std::string_view scheme) {
  const std::string_view port = scheme == "https" ? ":443" : ":80";
  if (authority.ends_with(port)) authority.remove_suffix(port.size());
  if (authority.ends_with(':')) authority.remove_suffix(1);
  std::string out(authority);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

// §3.1: scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ). Empty when the reference has none.
std::string take_scheme(std::string_view& reference) {
  const std::size_t colon = reference.find_first_of(":/?");
  if (colon == reference.npos || colon == 0 || reference[colon] != ':') return {};
  std::string scheme(reference.substr(0, colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), lower);
  reference.remove_prefix(colon + 1);
  return scheme;
}

// §5.2.4 on a path that begins with '/'.
std::string remove_dot_segments(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const std::string_view segment = path.substr(0, path.find('/', 1));  // with its '/'
    path.remove_prefix(segment.size());
    if (segment == "/..") out.erase(std::min(out.rfind('/'), out.size()));
    if (segment != "/." && segment != "/..")
      out += segment;
    else if (path.empty())
      out += '/';
  }
  return out;
}

}  // namespace

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// RFC 3986 §5.2.2.
std::optional<Place> resolve_here(const proto::Request& base, std::string_view location) {
  if (location.empty() || std::ranges::any_of(location, [](unsigned char c) { return c <= ' ' || c == 0x7f; }))
    return std::nullopt;
  std::string_view rest = location.substr(0, location.find('#'));
  const std::string scheme = take_scheme(rest);
  if (!scheme.empty() && (scheme != base.scheme || !rest.starts_with("//"))) return std::nullopt;
  const bool absolute = rest.starts_with("//");
  if (absolute) {
    rest.remove_prefix(2);
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
    if (normalise(authority, base.scheme) != normalise(base.authority, base.scheme)) return std::nullopt;
    rest.remove_prefix(authority.size());
  }
  const std::size_t mark = std::min(rest.find('?'), rest.size());
  const std::string_view path = rest.substr(0, mark);
  Place place{"", std::string(rest.substr(std::min(mark + 1, rest.size())))};
  if (path.starts_with('/')) {
    place.path = remove_dot_segments(path);
  } else if (absolute) {
    place.path = "/";
  } else if (!path.empty()) {
    place.path = remove_dot_segments(base.path.substr(0, base.path.rfind('/') + 1).append(path));  // §5.2.3
  } else {
    place.path = base.path;
    if (mark == rest.size()) place.query = base.query;
  }
  return place;
}

}  // namespace sluice::client
