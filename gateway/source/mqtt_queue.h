// MqttQueue: what the connection to a broker has for its source: the one place where MqttLink's thread and the home
// worker's thread meet. Owned by MqttLink. put() is the link's thread's, take() the home's.
// The taker is woken for a message at once, but at most every half millisecond: a broker sends each message for itself,
// and two threads that wake each other for each cost more than the messages.
// Invariant: it holds at most `bytes_max` of messages, or one; when it is full put() waits up to 2 s, so that the
// broker is not read, and what comes then is dropped and noted in its place. What the broker itself may have dropped
// meanwhile would come behind all that it had kept: that is noted there.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace sluice::source {

struct MqttNews {
  enum class Kind : std::uint8_t {
    connected,  // before the subscription's first message
    subscribed,
    down,       // text: why, for a person
    message,    // topic, text
    too_large,  // topic; the message was dropped
    lost,       // messages were dropped here, or perhaps by the broker: the queue was full
  };
  Kind kind = Kind::message;
  std::string topic = {}, text = {};
  bool retained = false;  // sent because of the subscription, not now
};

class MqttQueue {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // `on_news`: called on the putting thread when something waits that nobody was told of, until take() has emptied it.
  MqttQueue(std::size_t bytes_max, std::function<void()> on_news);

  // Calls on_news for what is no message, and before it waits; for messages tell() does. Waits of more than 50 ms in
  // all since caught_up() are a loss by the broker: noted behind each thousandth message from then on, and ...
  void put(MqttNews&& news);
  // ... where all is read that the broker had.
  void caught_up();
  // To be called after messages were put, and every millisecond while it returns true: they wait untold.
  [[nodiscard]] bool tell(TimePoint now);
  // The oldest, some 1 MiB of them. `more`: others wait, and on_news is not called for them.
  [[nodiscard]] std::vector<MqttNews> take(bool& more);

  // Ends all waiting, for good.
  void stop();
  [[nodiscard]] bool stopped();
  // Waits; true when it was stopped meanwhile.
  [[nodiscard]] bool wait(std::chrono::milliseconds time);

 private:
  void tell_now(std::unique_lock<std::mutex>& lock);

  const std::size_t bytes_max_;
  const std::function<void()> on_news_;
  std::mutex mutex_;  // of all below
  std::condition_variable changed_;
  std::deque<MqttNews> news_;
  std::size_t bytes_ = 0;
  TimePoint told_at_{};
  std::chrono::steady_clock::duration waited_{0};  // since the broker had nothing more for us
  std::size_t since_noted_ = 0;                    // messages, while it may have dropped some
  bool told_ = false, full_ = false, stopped_ = false;
};

}  // namespace sluice::source
