// CrowdThreads: all threads of the crowd, as the run's main thread sees them. Owned by the run. Flow: begin() → grow()…
// → totals() now and then → each() for what a scenario wants done → end(). Invariant: what each() was given has run on
// every thread when it returns.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/crowd_setup.h"
#include "bench/crowd_thread.h"

namespace sluice::bench {

// Sums over the threads: see Tally.
struct CrowdTotals {
  std::uint64_t deliveries = 0, bytes = 0;
  std::uint64_t lost = 0, repeated = 0, reordered = 0, malformed = 0, gaps = 0;
  std::uint64_t streams_open = 0, connections_open = 0, opened_once = 0, heard = 0;
  std::uint64_t reconnects = 0, ended = 0, closed_for_good = 0, failed_attempts = 0, handshakes = 0;
  std::uint64_t dropped = 0, back = 0, slow_ended = 0;

  // What came twice does not stand for what has not come.
  [[nodiscard]] std::uint64_t arrived() const { return deliveries - repeated; }
};

class CrowdThreads {
 public:
  // `setup` outlives it.
  explicit CrowdThreads(const CrowdSetup& setup);
  ~CrowdThreads() { end(); }
  CrowdThreads(const CrowdThreads&) = delete;
  CrowdThreads& operator=(const CrowdThreads&) = delete;

  void begin();
  // Opens connections until there are so many in all.
  void grow(unsigned connections, bool joins_late = false);
  template <class Do>
  void each(Do task) {
    for (const auto& thread : threads_) thread->thread().run([&] { task(*thread); });
  }
  // Closes all connections in good order, as far as that is possible within `at_most`, and ends the threads.
  void close(std::chrono::milliseconds at_most);
  void end();

  [[nodiscard]] CrowdTotals totals() const;
  [[nodiscard]] CrowdThread::Trouble trouble() const;
  [[nodiscard]] const std::vector<std::unique_ptr<CrowdThread>>& threads() const { return threads_; }
  [[nodiscard]] unsigned connections() const { return connections_; }  // that were asked for
  [[nodiscard]] std::uint64_t streams() const;
  // How many streams of the crowd, as it is asked for, have this topic.
  [[nodiscard]] std::uint64_t streams_on(unsigned topic) const;

 private:
  const CrowdSetup& setup_;
  std::atomic<unsigned> connections_{0};
  std::vector<std::unique_ptr<CrowdThread>> threads_;
};

}  // namespace sluice::bench
