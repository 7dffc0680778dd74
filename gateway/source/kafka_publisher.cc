#include "gateway/source/kafka_publisher.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace sluice::source {

namespace {

using Kind = topic::PublishResult::Kind;

topic::PublishResult failure(rd_kafka_resp_err_t error) {
  const std::string text = rd_kafka_err2str(error);
  switch (error) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL:
      return {.kind = Kind::busy, .detail = text};
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return {.kind = Kind::refused, .detail = "Kafka: " + text};
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
      return {.kind = Kind::unavailable,
              .detail = "Kafka has not acknowledged it within 10 s: it may be written all the same"};
    default:
      return {.kind = Kind::unavailable, .detail = "Kafka: " + text};
  }
}

}  // namespace

KafkaPublisher::KafkaPublisher(const config::Source& config, const KafkaMapping& mapping, boost::asio::io_context& io)
    : config_(config), mapping_(mapping), io_(io) {
  begin();
}

void KafkaPublisher::begin() {
  queue_.reset();
  // The client that is given up tells nothing more of what it was to write.
  for (auto& [number, done] : std::exchange(waiting_, {}))
    done({.kind = Kind::unavailable, .detail = "Kafka has not acknowledged it: it may be written all the same"});
  client_ = make_kafka_client(config_, KafkaRole::publisher);
  queue_ = std::make_unique<KafkaQueue>(io_, rd_kafka_queue_get_main(client_.get()),
                                        KafkaQueue::OnEvent([this](rd_kafka_event_t* event) { on_event(event); }));
}

bool KafkaPublisher::is_broken() const {
  char why = 0;
  return rd_kafka_fatal_error(client_.get(), &why, sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR;
}

void KafkaPublisher::publish(const std::string& topic, const topic::Event& event, Done done) {
  auto [key, headers, why] = mapping_.publication(topic, event);
  if (!why.empty()) return done({.kind = Kind::refused, .detail = std::move(why)});
  try {
    if (!queue_ || is_broken()) begin();
  } catch (const std::runtime_error& error) {  // a file of its keys has gone, or there are no descriptors
    return done({.kind = Kind::unavailable, .detail = std::string("Kafka: ") + error.what()});
  }
  const std::uintptr_t number = ++last_;
  std::string value = event.data, key_text = key.value_or("");
  std::array<rd_kafka_vu_t, 6> parts{};
  std::size_t count = 0;
  const auto part = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    parts[count].vtype = type;
    return parts[count++];
  };
  part(RD_KAFKA_VTYPE_TOPIC).u.cstr = config_.topic.c_str();
  auto& value_part = part(RD_KAFKA_VTYPE_VALUE).u.mem;
  value_part.ptr = value.data();
  value_part.size = value.size();
  part(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  part(RD_KAFKA_VTYPE_OPAQUE).u.ptr = reinterpret_cast<void*>(number);
  part(RD_KAFKA_VTYPE_HEADERS).u.headers = headers.get();
  if (key) {
    auto& key_part = part(RD_KAFKA_VTYPE_KEY).u.mem;
    key_part.ptr = key_text.data();
    key_part.size = key_text.size();
  }
  if (rd_kafka_error_t* error = rd_kafka_produceva(client_.get(), parts.data(), count)) {
    const auto code = rd_kafka_error_code(error);
    rd_kafka_error_destroy(error);
    return done(failure(code));
  }
  static_cast<void>(headers.release());  // the message's
  waiting_.emplace(number, std::move(done));
}

void KafkaPublisher::on_event(rd_kafka_event_t* event) {
  if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR)
    while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) on_delivery(*message);
}

void KafkaPublisher::on_delivery(const rd_kafka_message_t& message) {
  auto waiting = waiting_.extract(reinterpret_cast<std::uintptr_t>(message._private));
  if (!waiting) return;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) return waiting.mapped()(failure(message.err));
  KafkaPosition position;
  position.set(message.partition, message.offset);
  position.set_own(message.partition);
  waiting.mapped()({.kind = Kind::appended, .positions = {position.to_string()}});
}

void KafkaPublisher::stop() {
  queue_.reset();
  client_.reset();
  waiting_.clear();
}

}  // namespace sluice::source
