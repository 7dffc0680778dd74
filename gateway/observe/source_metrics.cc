#include "gateway/observe/source_metrics.h"

#include "gateway/observe/log.h"

namespace sluice::observe {

std::string_view name(SourceState state) {
  switch (state) {
    case SourceState::starting:
      return "starting";
    case SourceState::up:
      return "up";
    case SourceState::down:
      return "down";
    case SourceState::stopped:
      return "stopped";
  }
  return "unknown";
}

void SourceMetrics::set_state(SourceState state, const std::string& why) {
  const SourceState before = state_.exchange(state, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    if (before == state && why_ == why) return;
    why_ = why;
  }
  if (state == SourceState::down)
    log_event(Level::warning, "source down", {{"source", source_}, {"why", why}});
  else if (before != state && state == SourceState::up)
    log_event(before == SourceState::starting ? Level::debug : Level::info, "source up", {{"source", source_}});
}

std::string SourceMetrics::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

}  // namespace sluice::observe
