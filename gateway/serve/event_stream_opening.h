// What an event stream has only for a while: as long as it opens its request, the logs that it has joined, and where
// it begins in each; text of its own; where it fell behind. Used by the two files of EventStream; owned
// by an EventStream, on its worker's thread.
#pragma once

#include <span>
#include <vector>

#include "gateway/serve/event_stream.h"
#include "gateway/topic/start.h"

namespace sluice::serve {

struct EventStream::Opening {
  // Topics that share positions: of one source, or one topic of a source whose topics have positions of their own.
  struct Part {
    std::size_t first = 0, count = 0;
    topic::Wish wish;
    topic::PartStart start;
    topic::PagePtr page;
    bool asked = false, answered = false;
    bool snapshot = false;                      // it begins with the newest entry of each key, ...
    std::optional<topic::GapReason> lost = {};  // ... because its client's place is gone
    // snapshot: the log for whose past it has asked, and the topic's beginning then
    std::optional<std::size_t> loading = {};
    std::uint32_t loading_beginning = 0;
  };
  Subscribe subscribe;
  std::vector<topic::TopicLog*> logs;  // by topic; nullptr: not joined yet
  std::vector<bool> asked;
  std::vector<Part> parts;  // once every topic is joined

  [[nodiscard]] std::span<topic::TopicLog* const> logs_of(const Part& part) const {
    return std::span(logs).subspan(part.first, part.count);
  }
  [[nodiscard]] topic::SourceIndex source_of(const Part& part) const { return subscribe.topics[part.first].source; }
};

struct EventStream::Aside {
  std::unique_ptr<Opening> opening;  // until its first block is made
  std::string text;                  // own_text()
  std::size_t text_sent = 0;
  std::optional<std::string> fell_at;  // the position after which its log had too little ...
  std::string missed;                  // ... and that of the first entry that it has not had
};

// Value for value (observe does not know topic).
static_assert(static_cast<int>(observe::GapReason::too_many_topics) ==
                  static_cast<int>(topic::GapReason::too_many_topics) &&
              decltype(observe::WorkerMetrics::gaps)::count == topic::gap_reason_count);
[[nodiscard]] inline observe::GapReason metric_of(topic::GapReason reason) {
  return static_cast<observe::GapReason>(reason);
}

}  // namespace sluice::serve
