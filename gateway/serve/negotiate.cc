#include "gateway/serve/negotiate.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace sluice::serve {
namespace {

std::string_view trim(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// How closely a media range names text/event-stream: 3 exactly, 2 its type, 1 anything, 0 not at all.
int closeness(std::string_view media_range) {
  if (equal_ignoring_case(media_range, "text/event-stream")) return 3;
  if (equal_ignoring_case(media_range, "text/*")) return 2;
  return media_range == "*/*" ? 1 : 0;
}

// `q=0`, `q=0.0`, `q=0.000`: not acceptable (RFC 9110 §12.4.2). Any other weight, or a malformed one, accepts: there
// is only one representation to choose.
bool refuses(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::size_t end = parameters.find(';');
    const std::string_view parameter = trim(parameters.substr(0, end));
    parameters = end == std::string_view::npos ? std::string_view() : parameters.substr(end + 1);
    if (parameter.size() < 3 || (parameter[0] != 'q' && parameter[0] != 'Q') || parameter[1] != '=') continue;
    const std::string_view weight = parameter.substr(2);
    return weight.front() == '0' && weight.find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

}  // namespace

bool accepts_event_stream(const proto::Request& request) {
  bool asked = false, accepted = false;
  int closest = 0;
  for (const proto::Field& field : request.fields) {
    if (field.name != "accept" || trim(field.value).empty()) continue;
    asked = true;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const std::size_t end = rest.find(',');
      const std::string_view element = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const std::size_t semicolon = element.find(';');
      const int close = closeness(trim(element.substr(0, semicolon)));
      if (close == 0 || close < closest) continue;
      const bool takes = semicolon == std::string_view::npos || !refuses(element.substr(semicolon + 1));
      accepted = close == closest ? accepted || takes : takes;
      closest = close;
    }
  }
  return !asked || accepted;
}

bool names_event_stream(const proto::Request& request) {
  bool asked = false;
  for (const proto::Field& field : request.fields) {
    if (field.name != "accept") continue;
    asked = true;
    for (std::string_view rest = field.value; !rest.empty();) {
      const std::size_t end = std::min(rest.find(','), rest.size());
      if (closeness(trim(rest.substr(0, std::min(rest.find(';'), end)))) == 3) return true;
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  return !asked;
}

std::optional<Problem> refuse_accept(const proto::Request& request) {
  if (accepts_event_stream(request)) return std::nullopt;
  return Problem{.status = 406,
                 .error = "not-acceptable",
                 .detail = "this is an event stream: send accept: text/event-stream, or no accept field at all"};
}

}  // namespace sluice::serve
