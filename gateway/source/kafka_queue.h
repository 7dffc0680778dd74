// KafkaQueue: what a librdkafka client has for us, on our loop: librdkafka writes to a descriptor when its queue is no
// longer empty, and a bounded number is taken in each turn. A publisher takes events, one by one; a follower takes
// messages, many at a time, and hears of errors by its client's callback. Owned by its user, on the loop's thread. It
// keeps nothing. Invariant: each event or message is given once, and after stop() none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "gateway/source/kafka_handles.h"

namespace sluice::source {

class KafkaQueue {
 public:
  using OnEvent = std::function<void(rd_kafka_event_t*)>;
  // Those of one turn, which last as long as the call. It must not stop the queue.
  using OnMessages = std::function<void(std::span<rd_kafka_message_t* const>)>;

  // Throws std::runtime_error where there are no descriptors left.
  KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnEvent on_event);
  KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnMessages on_messages);
  ~KafkaQueue() { stop(); }
  KafkaQueue(const KafkaQueue&) = delete;
  KafkaQueue& operator=(const KafkaQueue&) = delete;

  void stop();

 private:
  void begin();
  void await();
  void drain();
  // Whether there may be more.
  [[nodiscard]] bool take_events();
  [[nodiscard]] bool take_messages();

  KafkaQueueHandle queue_;
  OnEvent on_event_;
  OnMessages on_messages_;
  std::size_t batch_size_;   // messages in a turn; fewer where they are large
  std::uint64_t woken_ = 0;  // what is read from the descriptor
  boost::asio::posix::stream_descriptor wake_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
