// Interrupt: Ctrl-C (SIGINT) and SIGTERM end a run early, with its report; the second one ends the program at once.
// One at a time, made before any thread; what was there before is back when it is gone.
#pragma once

#include <csignal>

namespace sluice::bench {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  [[nodiscard]] static bool asked();

 private:
  struct sigaction interrupt_before_ {
  }, terminate_before_{};
};

}  // namespace sluice::bench
