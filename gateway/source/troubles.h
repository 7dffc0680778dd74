// Troubles: what keeps a source with several connections from its engine, by place ("control", "pages", ...), as the
// one state that it shows. Owned by a source, on its home worker's thread. Invariant: the source is up exactly while no
// place has a trouble, and shows one of them while it is down.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "gateway/observe/source_metrics.h"

namespace sluice::source {

class Troubles {
 public:
  explicit Troubles(observe::SourceMetrics& metrics) : metrics_(metrics) {}

  // Not up before this place is cleared; nothing is wrong with it yet.
  void expect(const std::string& place) { places_[place].clear(); }
  // `why`: for a person, with the remedy where there is one.
  void tell(const std::string& place, const std::string& why) {
    places_[place] = why;
    show();
  }
  // The place is well. True: the source has just come up from being down.
  bool clear(const std::string& place) {
    if (places_.erase(place) == 0) return false;
    const bool was_down = metrics_.state() == observe::SourceState::down;
    show();
    return was_down && places_.empty();
  }

 private:
  void show() {
    if (places_.empty()) return metrics_.set_state(observe::SourceState::up);
    for (const auto& [place, why] : places_)
      if (!why.empty()) return metrics_.set_state(observe::SourceState::down, why);
  }

  observe::SourceMetrics& metrics_;
  std::map<std::string, std::string> places_;
};

}  // namespace sluice::source
