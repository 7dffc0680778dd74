// An engine of tests with one order for its topics, which forgets what it is told to, and what a source makes of it:
// for the pages of the past. Owned by a test, on its thread. Invariant: events stand in the order of their numbers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "gateway/topic/page.h"
#include "gateway/topic/position_format.h"
#include "tests/gateway/topic/replicas.h"

namespace sluice::tests {

using topic::GapReason;
using topic::Page;
using topic::PagePtr;
using topic::ReadRequest;

inline std::string position(std::uint64_t number) { return std::to_string(number) + "-0"; }
inline std::uint64_t number_of(std::string_view text) {
  const auto pair = topic::parse_number_pair(text, '-');
  REQUIRE(pair);
  return pair->left;
}

// An engine with one order for its topics, which forgets.
struct Engine {
  struct Event {
    std::uint64_t number;
    std::string topic;
  };
  [[nodiscard]] PagePtr read(const ReadRequest& request, std::size_t entries_max) const {
    Page page;
    page.after = request.after;
    std::uint64_t after = request.after.empty() ? trimmed_through : number_of(request.after);
    if (!request.after.empty() && after < trimmed_through) page.gap = GapReason::trimmed;
    after = std::max(after, trimmed_through);
    page.from = position(after);
    page.through = page.from;
    page.at_end = true;
    for (const Event& event : events) {
      if (event.number <= after) continue;
      if (page.entries.size() == entries_max) {
        page.at_end = false;
        break;
      }
      page.through = position(event.number);
      const auto wanted = [&](const std::string& topic) { return topic::matches(topic, event.topic); };
      if (std::ranges::any_of(request.topics, wanted)) page.entries.push_back(entry(event));
    }
    return std::make_shared<const Page>(std::move(page));
  }
  static topic::EntryPtr entry(const Event& event) {
    return topic::Entry::make({.position = position(event.number),
                               .type = "",
                               .data = event.topic + "#" + std::to_string(event.number),
                               .sequence = 0,
                               .arrived = tests::epoch_of_tests});
  }
  std::vector<Event> events;
  std::uint64_t trimmed_through = 0, last = 0;
};

inline topic::Sequence appended_nothing() { return 0; }

inline std::shared_ptr<topic::SharedSource> engine_source() {
  return std::make_shared<topic::SharedSource>("s", std::make_shared<topic::PairFormat>('-', false), true);
}

}  // namespace sluice::tests
