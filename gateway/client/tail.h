// `sluice tail`: prints the events of a stream as they come, and goes on after every reconnect. A command of its own
// with its own loop; main hands it parsed options. Events go to `out`, everything about the connection to `err`.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

#include "gateway/client/trust.h"
#include "proto/http.h"

namespace sluice::client {

struct TailOptions {
  std::string url;  // as parse_target() takes it
  Trust trust;
  std::string last_event_id;  // where to go on
  bool earliest = false;      // from the oldest event retained; last_event_id wins
  std::size_t count = 0;      // end after so many events; 0: never
  bool json = false;          // one JSON object per event, for programs
  bool reconnect = true;
  std::vector<proto::Field> headers;  // names in lower case
};

// The exit code: 0 after `count` events, Ctrl-C or an ended stream (without `reconnect`), 1 with one line on `err`.
int tail(const TailOptions& options, std::ostream& out, std::ostream& err);

}  // namespace sluice::client
