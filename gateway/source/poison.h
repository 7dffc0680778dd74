// Poison: what a source does with messages that are no good as they are: takes what can be made of them, counts, and
// logs the first. Owned by a source, on its home worker's thread. It never stops the source and never logs the data.
#pragma once

#include <concepts>
#include <string_view>
#include <utility>

#include "gateway/config/config.h"
#include "gateway/observe/log.h"
#include "gateway/observe/source_metrics.h"
#include "gateway/source/sanitise.h"
#include "gateway/topic/event.h"

namespace sluice::source {

class Poison {
 public:
  Poison(const config::Limits& limits, observe::SourceMetrics& metrics) : limits_(limits), metrics_(metrics) {}

  // False: drop it. Else it may have been mended. `from`: where in the engine it came from, for the log. `mended`: it
  // was no good already, and has not been counted.
  [[nodiscard]] bool pass(topic::Event& event, std::string_view from = {}, bool mended = false) {
    return pass(
        event, [from] { return from; }, mended);
  }
  // `from`: called when it is needed.
  template <std::invocable From>
  [[nodiscard]] bool pass(topic::Event& event, From from, bool mended = false) {
    const Sanity sanity = sanitise(event, limits_);
    if (sanity == Sanity::too_large)
      count("too large: dropped (limits.event_size, limits.lines_per_event)", from());
    else if (mended || sanity == Sanity::mended)
      count("not UTF-8, or a name, id or key that no event may have: delivered without it", from());
    return sanity != Sanity::too_large;
  }
  // A message of which no event can be made, or not the one that was meant.
  void count(std::string_view why, std::string_view from = {}) {
    metrics_.poison.add();
    if (std::exchange(logged_, true)) return;
    observe::log_event(observe::Level::warning, "a message of the source is no good; the next ones are only counted",
                       {{"source", metrics_.source()}, {"why", why}, {"from", from}});
  }

 private:
  const config::Limits& limits_;
  observe::SourceMetrics& metrics_;
  bool logged_ = false;
};

}  // namespace sluice::source
