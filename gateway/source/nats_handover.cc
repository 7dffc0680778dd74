#include "gateway/source/nats_handover.h"

#include <utility>

namespace sluice::source {

namespace {
// Several batches, so that the thread reads while the loop works; one that is larger goes alone.
constexpr std::size_t waiting_bytes_max = 4UL * 1024 * 1024;
}  // namespace

void NatsHandover::post(std::size_t bytes, Call&& call) {
  post_([state = state_, bytes, call = std::move(call)] {
    {
      const std::lock_guard lock(state->mutex);
      state->bytes -= bytes;
      if (state->stopped) return;
      state->changed.notify_all();
    }
    call(std::chrono::steady_clock::now());
  });
}

bool NatsHandover::put(std::size_t bytes, Call call) {
  {
    std::unique_lock lock(state_->mutex);
    state_->changed.wait(lock, [this] {
      return state_->stopped || (!state_->paused && (state_->bytes == 0 || state_->bytes < waiting_bytes_max));
    });
    if (state_->stopped) return false;
    state_->bytes += bytes;
  }
  post(bytes, std::move(call));
  return true;
}

bool NatsHandover::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(state_->mutex);
  return !state_->changed.wait_for(lock, time, [this] { return state_->stopped; });
}

bool NatsHandover::wait_while_paused() {
  std::unique_lock lock(state_->mutex);
  if (!state_->paused) return false;
  state_->changed.wait(lock, [this] { return state_->stopped || !state_->paused; });
  return true;
}

bool NatsHandover::stopped() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stopped;
}

void NatsHandover::pause() {
  const std::lock_guard lock(state_->mutex);
  state_->paused = true;
}

void NatsHandover::go_on() {
  const std::lock_guard lock(state_->mutex);
  state_->paused = false;
  state_->changed.notify_all();
}

void NatsHandover::stop() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
  state_->changed.notify_all();
}

}  // namespace sluice::source
