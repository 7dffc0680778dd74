#include "gateway/source/sse_backend_url.h"

#include <stdexcept>
#include <utility>

namespace sluice::source {
namespace {

client::Target parse(std::string_view url) {
  const std::string_view rest = url.substr(url.find(':') + 1);
  if (!rest.starts_with("//")) throw std::invalid_argument("two slashes are missing: write https://host/path");
  client::Target target = client::parse_target(url);
  if (target.host.find_first_of("{}") != std::string::npos)
    throw std::invalid_argument("a capture in the host: only the path and the query may have one");
  return target;
}

std::string path_and_query(const client::Target& target) {
  return target.query.empty() ? target.path : target.path + '?' + target.query;
}

// `.` and `..` are within what a capture may be, but would lead elsewhere (RFC 3986 §5.2.4).
bool has_dot_segment(std::string_view path) {
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    if (segment == "." || segment == "..") return true;
    path.remove_prefix(segment.size());
  }
  return false;
}

}  // namespace

SseBackendUrl::SseBackendUrl(std::string source, std::string_view url)
    : base_(parse(url)), template_(std::move(source), path_and_query(base_)) {}

std::optional<client::Target> SseBackendUrl::target_of(std::string_view topic) const {
  const auto where = template_.key_of(topic);
  if (!where) return std::nullopt;
  client::Target target = base_;
  const std::size_t mark = std::min(where->find('?'), where->size());
  target.path = where->substr(0, mark);
  target.query = where->substr(std::min(mark + 1, where->size()));
  if (has_captures() && has_dot_segment(target.path)) return std::nullopt;
  return target;
}

}  // namespace sluice::source
