#include "gateway/source/kafka_thread.h"

#include <utility>

namespace sluice::source {

namespace {
constexpr std::chrono::seconds idle_time{30};
}

KafkaThread::KafkaThread(std::function<void(Call)> post, Call on_idle)
    : post_(std::move(post)), on_idle_(std::move(on_idle)) {}

void KafkaThread::ask(Call call) {
  if (*stopped_) return;
  {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  changed_.notify_one();
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

void KafkaThread::ask_to_stop() {
  {
    const std::lock_guard lock(mutex_);
    *stopped_ = true;
    calls_.clear();
  }
  changed_.notify_one();
}

void KafkaThread::stop() {
  ask_to_stop();
  if (thread_.joinable()) thread_.join();
}

void KafkaThread::answer(Call call) {
  post_([stopped = stopped_, call = std::move(call)] {
    if (!*stopped) call();
  });
}

bool KafkaThread::sleep(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopped_->load(); });
}

void KafkaThread::run() {
  std::unique_lock lock(mutex_);
  while (!*stopped_) {
    const bool asked = changed_.wait_for(lock, idle_time, [this] { return *stopped_ || !calls_.empty(); });
    if (*stopped_) return;
    Call call = on_idle_;
    if (asked) {
      call = std::move(calls_.front());
      calls_.pop_front();
    }
    lock.unlock();
    if (call) call();
    call = {};  // what it holds goes before the lock comes back
    lock.lock();
  }
}

}  // namespace sluice::source
