// Mailbox: what other threads have for one worker: changes of topic logs in batches, and calls. The only hand-over
// between threads on the data path. Any thread puts; its worker takes.
// Invariant: messages of one sender are taken in the order in which they were put.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/topic/entry.h"
#include "gateway/topic/position_format.h"
#include "proto/event_id.h"

namespace sluice::topic {

using SourceIndex = std::uint16_t;
using TopicIndex = std::uint32_t;

// What all workers share of one topic. `subscribers` decides between a worker that joins and the home that removes.
struct SharedTopic {
  static constexpr std::uint32_t removed = 0x8000'0000;
  std::string name;
  std::string start_position;  // its entries come after it
  std::atomic<std::uint32_t> subscribers{0};

  // False when the home has removed the topic: open it anew.
  [[nodiscard]] bool join() {
    std::uint32_t count = subscribers.load(std::memory_order_relaxed);
    do {
      if ((count & removed) != 0) return false;
    } while (!subscribers.compare_exchange_weak(count, count + 1, std::memory_order_relaxed));
    return true;
  }
  void leave() { subscribers.fetch_sub(1, std::memory_order_relaxed); }
  // True when nobody is subscribed; nobody joins after that.
  [[nodiscard]] bool try_remove() {
    std::uint32_t none = 0;
    return subscribers.compare_exchange_strong(none, removed, std::memory_order_relaxed);
  }
};

// What all workers share of one source.
struct SharedSource {
  SharedSource(std::string source, std::shared_ptr<const PositionFormat> positions, bool can_replay)
      : name(std::move(source)), format(std::move(positions)), replays(can_replay) {}
  // A source whose order is ours, and whose past is its rings.
  SharedSource(std::string source, const proto::Epoch& opening)
      : SharedSource(std::move(source), std::make_shared<EpochFormat>(opening), false) {}
  const std::string name;
  const std::shared_ptr<const PositionFormat> format;
  const bool replays;  // what is older than a ring can be read (Provider::read)
  bool whole = false;  // before this opening there was nothing: the source is the engine
};

// One thing for a worker to do, in order.
struct Message {
  enum class Kind : std::uint8_t { start, create, append, trim, restart, remove, lose, call };
  Kind kind = Kind::call;
  bool to_every_view = false;  // lose: no topic tells of it
  SourceIndex source = 0;
  TopicIndex topic = 0;
  Sequence sequence = 0;                // create: the log's start; others: entries up to it go first
  EntryPtr entry;                       // append; lose: the gap
  std::shared_ptr<SharedTopic> shared;  // create; start, restart: a start_position
  std::function<void()> call;           // call
};

class Mailbox {
 public:
  explicit Mailbox(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // Moves the batch in, `bytes` its entries' memory. True when the mailbox was empty: wake the worker.
  [[nodiscard]] bool put(std::vector<Message>& batch, std::size_t bytes);
  // Takes all that waits. Only the worker.
  void take(std::vector<Message>& out);
  [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  // Its worker does not keep up: sources pause, publishing answers 503.
  [[nodiscard]] bool full() const { return bytes() > bytes_max_; }

 private:
  const std::size_t bytes_max_;
  std::atomic<std::size_t> bytes_{0};
  std::mutex mutex_;
  std::vector<Message> waiting_;
};

}  // namespace sluice::topic
