#include "gateway/source/kafka_queue.h"

#include <sys/eventfd.h>

#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

namespace sluice::source {

namespace {
// In one turn of the loop; the streams that wait for what came go out in between.
constexpr std::size_t events_per_turn = 512, bytes_per_turn = 1024 * 1024;
constexpr std::uint64_t one = 1;
}  // namespace

KafkaQueue::KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnEvent on_event)
    : queue_(queue), on_event_(std::move(on_event)), wake_(io) {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("no descriptor is left for its events");
  wake_.assign(descriptor);
  rd_kafka_queue_io_event_enable(queue_.get(), descriptor, &one, sizeof one);
  // What came before is not told of.
  boost::asio::post(io, [this, alive = alive_] {
    if (*alive) drain();
  });
}

void KafkaQueue::stop() {
  if (!queue_) return;
  *alive_ = false;
  rd_kafka_queue_io_event_enable(queue_.get(), -1, nullptr, 0);
  boost::system::error_code ignored;
  wake_.close(ignored);
  queue_.reset();
}

void KafkaQueue::await() {
  wake_.async_read_some(boost::asio::buffer(&woken_, sizeof woken_),
                        [this, alive = alive_](const boost::system::error_code& error, std::size_t) {
                          if (!error && *alive) drain();
                        });
}

void KafkaQueue::drain() {
  std::size_t events = 0, bytes = 0;
  while (events < events_per_turn && bytes < bytes_per_turn) {
    const KafkaEventHandle event(rd_kafka_queue_poll(queue_.get(), 0));
    if (!event) return await();
    ++events;
    bytes += on_event_(event.get());
    if (!*alive_) return;
  }
  boost::asio::post(wake_.get_executor(), [this, alive = alive_] {
    if (*alive) drain();
  });
}

}  // namespace sluice::source
