// page_entry(): an event of an engine's past as an entry of a page, made alike by every source that reads pages.
// Pure. Its key is set only where somebody looks for it: a snapshot is loaded from pages (topic/newest).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "gateway/config/config.h"
#include "gateway/topic/entry.h"
#include "gateway/topic/event.h"

namespace sluice::source {

// `topic`: its full name. `sequence`: where the engine numbers its events.
[[nodiscard]] inline topic::EntryPtr page_entry(const config::Source& config, std::string_view topic,
                                                const topic::Event& event, std::string_view position,
                                                topic::Sequence sequence = 0) {
  const std::string key = config.snapshot ? topic::conflation_key(topic, event.key, true) : std::string();
  return topic::Entry::make({.position = position,
                             .type = event.type,
                             .data = event.data,
                             .key = key,
                             .sequence = sequence,
                             .arrived = std::chrono::steady_clock::now()});
}

}  // namespace sluice::source
