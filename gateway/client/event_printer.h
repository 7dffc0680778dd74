// EventPrinter: events as text for a person, or as one JSON object per line for a program. What the gateway says about
// the stream itself (`sluice.open`, `sluice.gap`, ...) is not the topic's data and goes to `err`, except as JSON, where
// a program sees all. Owned by tail. Invariant: each event is written whole and flushed before the next.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>

#include "proto/sse.h"

namespace sluice::client {

class EventPrinter {
 public:
  EventPrinter(std::ostream& out, std::ostream& err, bool json) : out_(out), err_(err), json_(json) {}

  // Whether it was an event of a topic (and not of the gateway).
  bool print(const proto::sse::EventView& event);

 private:
  std::ostream& out_;
  std::ostream& err_;
  bool json_;
};

}  // namespace sluice::client
