// NatsHandover: the one place where the threads of a NATS source hand over to its loop: calls, in their order, run on
// the home worker's thread. What waits for the loop is bounded in bytes, and while the source is paused nothing is
// added: the thread that has it waits. Shared by the source and its threads; calls that the loop gets to only after
// stop() do nothing. Invariant: a call runs at most once, and never beside another.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "gateway/topic/entry.h"

namespace sluice::source {

class NatsHandover {
 public:
  using Call = std::function<void(topic::TimePoint now)>;
  using Post = std::function<void(std::function<void()>)>;

  explicit NatsHandover(Post post) : post_(std::move(post)) {}

  // --- The source's threads
  // Hands it over, with `bytes` of messages in it. Waits before, while the source is paused or enough bytes wait.
  // False: the source has been stopped.
  [[nodiscard]] bool put(std::size_t bytes, Call call);
  // Without waiting: an answer, a state.
  void answer(Call call) { post(0, std::move(call)); }
  // Sleeps; false: the source has been stopped.
  [[nodiscard]] bool sleep(std::chrono::milliseconds time);
  // Whether it had to wait.
  bool wait_while_paused();
  [[nodiscard]] bool stopped() const;

  // --- The home worker's thread
  void pause();
  void go_on();
  void stop();

 private:
  struct State {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t bytes = 0;  // handed over, not yet taken by the loop
    bool paused = false, stopped = false;
  };
  void post(std::size_t bytes, Call&& call);

  const Post post_;
  const std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace sluice::source
