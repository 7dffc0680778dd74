// Progress: what a running benchmark tells whoever watches it, about four times a second. Values, made by the run on
// its main thread and good only while on_progress() lasts. Nothing is judged here: that is the outcome's.
// Invariant: counts never fall within a run; `bins` are those of the outcome so far, the last one still filling.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "bench/outcome.h"

namespace sluice::bench {

enum class Phase : std::uint8_t {
  opening,      // the crowd connects
  warming_up,   // events flow, nothing is measured
  measuring,    // of a ramp: a step
  coming_back,  // of a storm: from the drop until all are back
  closing,      // what is under way still arrives
};

struct Progress {
  Phase phase = Phase::opening;
  std::string step;                                // of a ramp: "step 3, 225 events/s"; else empty
  double seconds = 0;                              // since the run began
  double phase_seconds = 0, phase_of_seconds = 0;  // passed of this phase, and how long it lasts; 0: nobody knows
  std::uint64_t streams_open = 0, streams_wanted = 0, connections_open = 0;
  std::uint64_t published = 0, deliveries = 0, bytes = 0;  // since the run began; so are:
  std::uint64_t reconnects = 0, refused_publishes = 0;
  std::uint64_t lost = 0, repeated = 0, reordered = 0, malformed = 0;
  std::chrono::milliseconds bin{1'000};
  std::span<const Bin> bins;
};

// Implemented by the live view and by tests. Called on the run's main thread.
class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual ~Watcher() = default;
  virtual void on_progress(const Progress& progress) = 0;
  // All streams of the crowd are open (Plan::announce_open is for who is asked to say so).
  virtual void on_open() {}
  // Asked at least four times a second: true ends the run early, with an outcome of what was measured until then.
  [[nodiscard]] virtual bool wants_to_stop() const { return false; }
};

}  // namespace sluice::bench
