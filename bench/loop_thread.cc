#include "bench/loop_thread.h"

#include <pthread.h>
#include <time.h>

namespace sluice::bench {

void LoopThread::begin() {
  guard_.emplace(loop_.get_executor());
  std::promise<void> begun;
  thread_ = std::thread([this, &begun] {
    pthread_getcpuclockid(pthread_self(), &clock_);
    begun.set_value();
    work();
  });
  begun.get_future().wait();
}

void LoopThread::end() {
  if (!thread_.joinable()) return;
  ending_ = true;
  loop_.stop();
  thread_.join();
}

void LoopThread::work() {
  while (!ending_) {
    if (before_) before_();
    if (spin_)
      loop_.poll_one();
    else
      loop_.run_one();
    if (after_) after_();
  }
}

std::chrono::nanoseconds LoopThread::cpu_time() const {
  timespec time{};
  if (!thread_.joinable() || clock_gettime(clock_, &time) != 0) return {};
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

}  // namespace sluice::bench
