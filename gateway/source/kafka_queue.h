// KafkaQueue: the events of a librdkafka client on our loop: librdkafka writes to a descriptor when its queue is no
// longer empty, and a bounded number is taken in each turn. Owned by its user, on the loop's thread. It keeps nothing.
// Invariant: each event is given once, and after stop() none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "gateway/source/kafka_handles.h"

namespace sluice::source {

class KafkaQueue {
 public:
  // Told of each event; returns about how many bytes it held.
  using OnEvent = std::function<std::size_t(rd_kafka_event_t*)>;

  // Throws std::runtime_error where there are no descriptors left.
  KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnEvent on_event);
  ~KafkaQueue() { stop(); }
  KafkaQueue(const KafkaQueue&) = delete;
  KafkaQueue& operator=(const KafkaQueue&) = delete;

  void stop();

 private:
  void await();
  void drain();

  KafkaQueueHandle queue_;
  OnEvent on_event_;
  std::uint64_t woken_ = 0;  // what is read from the descriptor
  boost::asio::posix::stream_descriptor wake_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
