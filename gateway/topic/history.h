// History: how much of the past a source keeps in memory. A value from the configuration.
#pragma once

#include <chrono>
#include <cstddef>

namespace sluice::topic {

struct History {
  std::size_t entries = 10'000;                 // per topic
  std::size_t bytes = 16 * 1024 * 1024;         // per topic, memory of the entries
  std::size_t bytes_total = 256 * 1024 * 1024;  // all topics of the source
  std::chrono::milliseconds age{600'000};
  // An empty topic, one whose past is read from its engine, or a view goes after this without use.
  std::chrono::milliseconds linger{60'000};
  // Whether entries are found by key: somebody wants a topic's values, not its history (topic/newest).
  bool keyed = false;
  // New subscribers get the newest entry of each key first; an event without a key is its topic's value.
  bool snapshot = false;
  std::size_t keys = 10'000;  // per topic, or wildcard
};

}  // namespace sluice::topic
