// LoopThread: one thread with one event loop, on which all that belongs to it lives: connections of the crowd, or the
// publisher. Owned by the run's main thread, which starts it, asks things of it and ends it. Invariant: what was asked
// with run() has been done when run() returns.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace sluice::bench {

class LoopThread {
 public:
  // `spin`: poll instead of sleeping.
  explicit LoopThread(bool spin) : spin_(spin) {}
  ~LoopThread() { end(); }
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  // Before begin(). `before` and `after` are called around every handler of the loop.
  void around_each_turn(std::function<void()> before, std::function<void()> after) {
    before_ = std::move(before);
    after_ = std::move(after);
  }
  void begin();
  // Handlers that have not run by then never do.
  void end();

  [[nodiscard]] boost::asio::io_context& loop() { return loop_; }
  template <class Do>
  void post(Do task) {
    boost::asio::post(loop_, std::move(task));
  }
  // Waits until it is done, on the thread; before begin() and after end() on the caller's. Not from the thread itself.
  template <class Do>
  void run(Do task) {
    if (!thread_.joinable()) return task();
    std::promise<void> done;
    post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  // That it has used so far.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const;

 private:
  void work();

  const bool spin_;
  boost::asio::io_context loop_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> guard_;
  std::function<void()> before_, after_;
  std::atomic<bool> ending_{false};
  clockid_t clock_{};
  std::thread thread_;
};

}  // namespace sluice::bench
