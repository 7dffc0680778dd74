// EventTranscript: what a parser reported, as lines that a test can compare and a person can read:
//   event message [hello] id [7]     retry 2000     comment [still here]
// Used by the tests and fuzz targets of everything that reads an event stream.
#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "proto/sse.h"

namespace sluice::test {

class EventTranscript : public proto::sse::ParserVisitor {
 public:
  void on_event(const proto::sse::EventView& event) override {
    lines.push_back("event " + std::string(event.type) + " [" + std::string(event.data) + "] id [" +
                    std::string(event.last_event_id) + "]");
  }
  void on_retry(std::chrono::milliseconds time) override { lines.push_back("retry " + std::to_string(time.count())); }
  void on_comment(std::string_view text) override { lines.push_back("comment [" + std::string(text) + "]"); }

  std::vector<std::string> lines;
};

// Calls `take` with the bytes in pieces of `size`.
template <class Take>
void in_pieces(std::string_view bytes, std::size_t size, Take take) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) take(bytes.substr(0, size));
}

}  // namespace sluice::test
