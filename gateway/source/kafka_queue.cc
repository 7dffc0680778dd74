#include "gateway/source/kafka_queue.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>

namespace sluice::source {

namespace {
// In one turn of the loop; the streams that wait for what came go out in between.
constexpr std::size_t events_per_turn = 512, bytes_per_turn = 1024UL * 1024;
constexpr std::uint64_t one = 1;
}  // namespace

KafkaQueue::KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnEvent on_event)
    : queue_(queue), on_event_(std::move(on_event)), batch_size_(events_per_turn), wake_(io) {
  begin();
}

KafkaQueue::KafkaQueue(boost::asio::io_context& io, rd_kafka_queue_t* queue, OnMessages on_messages)
    : queue_(queue), on_messages_(std::move(on_messages)), batch_size_(events_per_turn), wake_(io) {
  begin();
}

void KafkaQueue::begin() {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) throw std::runtime_error("no descriptor is left for its events");
  wake_.assign(descriptor);
  rd_kafka_queue_io_event_enable(queue_.get(), descriptor, &one, sizeof one);
  // What came before is not told of.
  boost::asio::post(wake_.get_executor(), [this, alive = alive_] {
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
  const bool more = on_messages_ ? take_messages() : take_events();
  if (!queue_) return;
  if (!more) return await();
  boost::asio::post(wake_.get_executor(), [this, alive = alive_] {
    if (*alive) drain();
  });
}

bool KafkaQueue::take_events() {
  for (std::size_t count = 0; count != events_per_turn && queue_; ++count) {
    const KafkaEventHandle event(rd_kafka_queue_poll(queue_.get(), 0));
    if (!event) return false;
    on_event_(event.get());
  }
  return true;
}

bool KafkaQueue::take_messages() {
  std::array<rd_kafka_message_t*, events_per_turn> messages;
  const ssize_t taken = rd_kafka_consume_batch_queue(queue_.get(), 0, messages.data(), batch_size_);
  if (taken <= 0) return false;
  const std::span batch(messages.data(), static_cast<std::size_t>(taken));
  on_messages_(batch);
  std::size_t bytes = 0;
  for (rd_kafka_message_t* message : batch) {
    bytes += message->len;
    rd_kafka_message_destroy(message);
  }
  batch_size_ = std::clamp<std::size_t>(bytes > bytes_per_turn ? batch_size_ / 2 : batch_size_ * 2, 1, events_per_turn);
  return true;
}

}  // namespace sluice::source
