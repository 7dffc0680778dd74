// `sluice pub`: publishes one body to a topic and prints the positions that the gateway answers. A command of its own
// with its own loop; main hands it parsed options.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "gateway/client/trust.h"
#include "proto/http.h"

namespace sluice::client {

struct PubOptions {
  std::string url;                  // as parse_target() takes it
  std::optional<std::string> data;  // none: all of standard input
  std::string event, id, key;       // sent as query parameters
  // text/plain: one event whose data is the body; application/json, application/x-ndjson, text/event-stream: as the
  // gateway's publish API reads them.
  std::string content_type = "text/plain";
  std::string secret;  // sent as a bearer token
  Trust trust;
  std::vector<proto::Field> headers;  // names in lower case
};

// The exit code: 0 when the gateway answered 2xx, its answer on `out`; otherwise 1 with one line on `err`.
int publish(const PubOptions& options, std::istream& in, std::ostream& out, std::ostream& err);

// Percent-encodes all but the unreserved characters (RFC 3986 §2.3).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace sluice::client
