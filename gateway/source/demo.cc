#include "gateway/source/demo.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace sluice::source {

namespace {
// After a pause or a stopped process, at most so many events at once: the rest follows in the next calls.
constexpr int events_per_call = 1000;
}  // namespace

Demo::Demo(Context&& context)
    : name_(context.config.name),
      interval_(static_cast<std::int64_t>(1e9 / context.config.rate)),
      home_(context.home),
      metrics_(context.metrics),
      random_(context.random) {}

void Demo::start(topic::TimePoint now) {
  for (const char* topic : {"/clock", "/walk", "/counter"}) (void)home_.open(name_ + topic, now);
  clock_due_ = numbers_due_ = now;
  running_ = true;
  metrics_.set_state(observe::SourceState::up);
}

bool Demo::may_have(std::string_view topic) const {
  if (!topic.starts_with(name_)) return false;
  topic.remove_prefix(name_.size());
  return topic == "/clock" || topic == "/walk" || topic == "/counter";
}

void Demo::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

topic::TimePoint Demo::due() const {
  if (!running_) return topic::TimePoint::max();
  return std::min(clock_due_, numbers_due_);
}

void Demo::on_time(topic::TimePoint now) {
  if (!running_) return;
  if (paused_) {
    // Held, not lost: the counter goes on from where it is.
    clock_due_ = std::max(clock_due_, now + std::chrono::milliseconds(100));
    numbers_due_ = std::max(numbers_due_, now + std::chrono::milliseconds(100));
    return;
  }
  if (now >= clock_due_) tick_clock(now);
  for (int events = 0; now >= numbers_due_ && events != events_per_call; ++events) tick_numbers(now);
}

void Demo::append(const char* topic, topic::Event&& event, topic::TimePoint now) {
  // Opened anew each time: at a slow rate its home may have closed the topic meanwhile, as it does with any that is
  // empty and unused; below limits.topics = 3 one of them never opens.
  if (const auto index = home_.open(name_ + topic, now)) {
    home_.append(*index, event, now);
    metrics_.events.add();
  }
}

void Demo::tick_clock(topic::TimePoint now) {
  const auto wall = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(wall);
  append("/clock",
         {.type = "clock",
          .data = fmt::format("{{\"time\":\"{:%Y-%m-%dT%H:%M:%S}.{:03}Z\"}}",
                              fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)), (wall - seconds).count())},
         now);
  clock_due_ += std::chrono::seconds(1);
  if (clock_due_ < now) clock_due_ = now + std::chrono::seconds(1);  // a stopped process does not catch up the clock
}

void Demo::tick_numbers(topic::TimePoint now) {
  std::normal_distribution<double> step(0, 0.5);
  value_ = std::max(1.0, value_ + step(random_));
  ++count_;
  append("/walk", {.type = "walk", .data = fmt::format("{{\"value\":{:.2f}}}", value_)}, now);
  append("/counter", {.type = "counter", .data = fmt::format("{{\"n\":{}}}", count_)}, now);
  numbers_due_ += interval_;
  if (now - numbers_due_ > std::chrono::seconds(5)) numbers_due_ = now;
}

}  // namespace sluice::source
