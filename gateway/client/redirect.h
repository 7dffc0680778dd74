// Where a redirect leads, if it stays at the server that sent it: same scheme, host and port (a backend that could send
// a gateway anywhere could make it ask anything of the network behind it). Pure; used by EventStreamClient.
// Invariant: the path begins with '/', and path and query hold no blank, control character or fragment.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "proto/http.h"

namespace sluice::client {

struct Place {
  std::string path, query;  // as in proto::Request
  friend bool operator==(const Place&, const Place&) = default;
};

// Statuses whose Location a GET follows (RFC 9110 §15.4).
[[nodiscard]] bool is_redirect(int status);

// `location`, a URI reference (RFC 3986 §4.1), as seen from `base`. None when it is missing, unreadable or leads away.
[[nodiscard]] std::optional<Place> resolve_here(const proto::Request& base, std::string_view location);

}  // namespace sluice::client
