// Replicas: one source's home and its replicas on several workers, joined by queues that the test empties when it
// wants: worker 0 is the home and knows everything at once, the others know what deliver() has brought them.
// Invariant: deliver(worker) brings messages in the order in which the home sent them.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "gateway/topic/home.h"
#include "gateway/topic/merge.h"
#include "gateway/topic/start.h"
#include "gateway/topic/topics.h"
#include "proto/check.h"
#include "proto/event_id.h"

namespace sluice::tests {

inline const topic::TimePoint epoch_of_tests = topic::TimePoint(std::chrono::hours(1000));

struct Replicas {
  explicit Replicas(topic::History bounds = {}, std::size_t workers = 2, std::string name = "s",
                    std::size_t topics_max = 1000)
      : Replicas(bounds, workers,
                 std::make_shared<topic::SharedSource>(name, proto::Epoch::from_random(7 + name.front())), topics_max) {
  }
  // A source of any kind.
  Replicas(topic::History bounds, std::size_t workers, std::shared_ptr<topic::SharedSource> source,
           std::size_t topics_max = 1000)
      : history(bounds), shared(std::move(source)) {
    for (std::size_t worker = 0; worker != workers; ++worker)
      topics.push_back(std::make_unique<topic::Topics>(shared, history));
    queues.resize(workers);
    home = std::make_unique<topic::Home>(topic::SourceIndex{0}, *topics[0], history, topics_max,
                                         [this](const topic::Message& message) {
                                           for (std::size_t worker = 1; worker != queues.size(); ++worker)
                                             queues[worker].push_back(message);
                                         });
  }

  topic::Sequence append(const std::string& topic, std::string data, std::string key = {}) {
    return home->append(*home->open(topic, now), {.data = std::move(data), .idempotency_key = std::move(key)}, now);
  }
  // Under a conflation key.
  topic::Sequence set(const std::string& topic, std::string key, std::string data) {
    return home->append(*home->open(topic, now), {.data = std::move(data), .key = std::move(key)}, now);
  }
  void deliver(std::size_t worker, std::size_t count = SIZE_MAX) {
    for (; count != 0 && !queues[worker].empty(); --count) {
      topics[worker]->apply(std::move(queues[worker].front()));
      queues[worker].pop_front();
    }
    topics[worker]->wake(now);
  }
  topic::TopicLog& log(const std::string& topic) { return topics[0]->log(*home->open(topic, now)); }
  [[nodiscard]] std::string position(topic::Sequence sequence) const {
    return topics[0]->format().text_of(sequence).value_or("");
  }

  const topic::History history;
  topic::TimePoint now = epoch_of_tests;
  std::shared_ptr<topic::SharedSource> shared;
  std::vector<std::unique_ptr<topic::Topics>> topics;  // by worker
  std::vector<std::deque<topic::Message>> queues;
  std::unique_ptr<topic::Home> home;
};

// Where a stream begins in one log, once its home has answered.
inline topic::Start start_in(const topic::Topics& topics, topic::TopicLog& log, const topic::Wish& wish) {
  topic::TopicLog* const logs[] = {&log};
  topic::PartStart start = topic::find_start(topics, logs, wish, true);
  check(start.kind == topic::PartStart::Kind::ready, "these sources have nothing but their rings");
  return start.starts.front();
}
// This worker has to hear from the source's home first.
inline bool asks_home(const topic::Topics& topics, topic::TopicLog& log, const topic::Wish& wish) {
  topic::TopicLog* const logs[] = {&log};
  return topic::find_start(topics, logs, wish, false).kind == topic::PartStart::Kind::ask_home;
}
inline void add_topic(topic::Merge& merge, topic::Topics& topics, topic::TopicLog& log, const topic::Start& start,
                      const std::string& position) {
  topic::TopicLog* const logs[] = {&log};
  merge.add(topics, logs, {.starts = {start}}, position);
}

// Counts how often it was told.
struct Listener : topic::Subscriber {
  void on_touched() override { ++touched; }
  int touched = 0;
};

inline topic::EntryPtr make_entry(topic::Sequence sequence, std::string_view data = "x", std::string_view key = {}) {
  const std::string position = "abcdef." + std::to_string(sequence);
  return topic::Entry::make({.position = position,
                             .type = "",
                             .data = data,
                             .idempotency_key = key,
                             .sequence = sequence,
                             .arrived = epoch_of_tests});
}

}  // namespace sluice::tests
