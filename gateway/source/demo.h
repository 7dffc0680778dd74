// Demo: the embedded source: `clock` (the time, once a second), `walk` (a random walk) and `counter` (1, 2, 3, …), the
// last two at a rate of one's choice. What a new user sees first, and what tests count. Told the time; only what the
// clock says is read from the wall.
// Invariant: the counter has no holes; a pause delays events, it does not drop them.
#pragma once

#include <random>

#include "gateway/source/source.h"

namespace sluice::source {

class Demo final : public Source {
 public:
  explicit Demo(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override { running_ = false; }
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  [[nodiscard]] topic::TimePoint due() const override;
  void on_time(topic::TimePoint now) override;
  void pause() override { paused_ = true; }
  void go_on() override { paused_ = false; }

 private:
  void append(const char* topic, topic::Event&& event, topic::TimePoint now);
  void tick_clock(topic::TimePoint now);
  void tick_numbers(topic::TimePoint now);

  const std::string name_;
  const std::chrono::nanoseconds interval_;  // between two events of walk and of counter
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  std::mt19937_64 random_;
  topic::TimePoint clock_due_{}, numbers_due_{};
  double value_ = 100;
  std::uint64_t count_ = 0;
  bool running_ = false, paused_ = false;
};

}  // namespace sluice::source
