#include "bench/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <string_view>

namespace sluice::bench {
namespace {

// A handler of signals has nothing but what is static.
std::atomic<bool> interrupted = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int number) noexcept {
  if (!interrupted.exchange(true)) return;
  // The live view may have hidden the cursor.
  constexpr std::string_view show_cursor = "\x1b[?25h\n";
  if (::isatty(STDERR_FILENO) == 1)
    if (::write(STDERR_FILENO, show_cursor.data(), show_cursor.size()) < 0) {
      // Nobody is left to be told.
    }
  std::signal(number, SIG_DFL);
  std::raise(number);
}

}  // namespace

Interrupt::Interrupt() {
  interrupted = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &interrupt_before_);
  sigaction(SIGTERM, &action, &terminate_before_);
}

Interrupt::~Interrupt() {
  sigaction(SIGINT, &interrupt_before_, nullptr);
  sigaction(SIGTERM, &terminate_before_, nullptr);
}

bool Interrupt::asked() { return interrupted; }

}  // namespace sluice::bench
