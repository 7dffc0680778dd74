#include "gateway/source/publish.h"

namespace sluice::source {

void Publish::start(topic::TimePoint) { metrics_.set_state(observe::SourceState::up); }

void Publish::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void Publish::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
                      std::function<void(topic::PublishResult)> done) {
  const auto index = home_.open(topic, now);
  if (!index) return done({.kind = topic::PublishResult::Kind::too_many_topics});
  topic::PublishResult result;
  result.positions.reserve(events.size());
  for (const topic::Event& event : events) {
    std::optional<topic::Sequence> sequence;
    if (!event.idempotency_key.empty()) sequence = home_.find_key(*index, event.idempotency_key);
    if (sequence)
      ++result.repeated;
    else
      sequence = home_.append(*index, event, now), metrics_.events.add();
    result.positions.push_back(home_.topics().format().text_of(*sequence).value_or(""));
  }
  done(std::move(result));
}

}  // namespace sluice::source
