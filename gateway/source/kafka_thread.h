// KafkaThread: runs calls that block, one after the other, on a thread of its own, and hands what they found over to
// the home worker's loop: the one place where a thread of a Kafka source does so. Owned by its user, on the home
// worker's thread; the thread begins with the first call. Invariant: after stop() no call runs and no answer either.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace sluice::source {

class KafkaThread {
 public:
  using Call = std::function<void()>;

  // `post`: calls on the home worker's thread. `on_idle`: on this thread, when nothing was asked for a while.
  explicit KafkaThread(std::function<void(Call)> post, Call on_idle = {});
  ~KafkaThread() { stop(); }
  KafkaThread(const KafkaThread&) = delete;
  KafkaThread& operator=(const KafkaThread&) = delete;

  // --- The home worker's thread
  void ask(Call call);
  // Waits for the call in progress, and forgets the others.
  void stop();
  // Begins that and does not wait for the call that is under way.
  void ask_to_stop();

  // --- From within a call
  void answer(Call call);
  [[nodiscard]] bool stopped() const { return *stopped_; }
  // False: it has been stopped.
  [[nodiscard]] bool sleep(std::chrono::milliseconds time);

 private:
  void run();

  const std::function<void(Call)> post_;
  const Call on_idle_;
  const std::shared_ptr<std::atomic<bool>> stopped_ = std::make_shared<std::atomic<bool>>(false);
  std::mutex mutex_;  // of calls_
  std::condition_variable changed_;
  std::deque<Call> calls_;
  std::thread thread_;
};

}  // namespace sluice::source
