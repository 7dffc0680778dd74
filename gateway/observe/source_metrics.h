// SourceMetrics: what one source counts, and how it is, for /metrics and /readyz. Its home worker's thread writes, the
// admin endpoint reads at any time. Owned by Metrics, one per source.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/observe/counter.h"

namespace sluice::observe {

enum class SourceState : std::uint8_t { starting, up, down, stopped };
[[nodiscard]] std::string_view name(SourceState state);

class SourceMetrics {
 public:
  explicit SourceMetrics(std::string source) : source_(std::move(source)) {}
  SourceMetrics(const SourceMetrics&) = delete;
  SourceMetrics& operator=(const SourceMetrics&) = delete;

  Counter events;      // appended
  Counter reconnects;  // of the engine, after the first
  Counter gaps;        // announced by the source itself
  Counter poison;      // messages dropped, or delivered without what no event may have
  Counter pages;       // reads of the past
  Counter paused;      // times that it was held because the gateway was behind
  Gauge lag;           // events that the engine has and this source has not appended; -1: not known

  [[nodiscard]] const std::string& source() const { return source_; }
  [[nodiscard]] SourceState state() const { return state_.load(std::memory_order_relaxed); }
  // `why`: for a person, where it is down: what happened and the remedy. Logs a change, each once.
  void set_state(SourceState state, const std::string& why = {});
  [[nodiscard]] std::string why() const;

 private:
  const std::string source_;
  std::atomic<SourceState> state_{SourceState::starting};
  mutable std::mutex mutex_;  // of why_
  std::string why_;
};

}  // namespace sluice::observe
