#include "gateway/client/event_stream_client.h"

#include <algorithm>
#include <utility>

namespace sluice::client {
namespace {

constexpr std::size_t refusal_bytes_max = 4096;

std::string_view text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

EventStreamClient::EventStreamClient(boost::asio::io_context& loop, ClientConnection& connection, Options options,
                                     EventStreamVisitor& visitor)
    : connection_(connection),
      visitor_(visitor),
      options_(std::move(options)),
      source_(visitor, options_.source),
      timer_(loop) {
  options_.request.method = "GET";
  options_.request.scheme = connection.scheme();
}

void EventStreamClient::start() { ask(); }

void EventStreamClient::stop() {
  if (ended_) return;
  source_.close();
  if (stream_)
    connection_.reset(*stream_);
  else
    finish("");
}

void EventStreamClient::ask() {
  proto::Request request = options_.request;
  for (proto::Field& field : source_.request_fields()) request.fields.push_back(std::move(field));
  refusal_.clear();
  stream_ = connection_.request(request, *this);
}

void EventStreamClient::on_head(proto::StreamId, proto::ResponseHead&& head, bool) {
  failures_ = 0;
  if (source_.state() == proto::EventSource::State::closed) return;  // stopped meanwhile
  if (source_.on_head(head) == proto::EventSource::State::open) return visitor_.on_open(head);
  if (head.status < 400) connection_.reset(*stream_);  // nothing in its body explains more
}

void EventStreamClient::on_body(proto::StreamId, std::span<const std::uint8_t> bytes) {
  if (source_.state() == proto::EventSource::State::open) {
    if (source_.on_body(text(bytes)) == proto::EventSource::State::closed && stream_) connection_.reset(*stream_);
  } else if (refusal_.size() < refusal_bytes_max) {
    refusal_ += text(bytes).substr(0, refusal_bytes_max - refusal_.size());
    if (refusal_.size() == refusal_bytes_max) connection_.reset(*stream_);
  }
}

void EventStreamClient::on_close(proto::StreamId, std::uint32_t code) {
  stream_.reset();
  const std::string lost = connection_.error();
  if (source_.on_end() == proto::EventSource::State::closed) {
    const std::string& reason = source_.close_reason();
    while (refusal_.ends_with('\n')) refusal_.pop_back();
    return finish(refusal_.empty() ? reason : reason + ": " + refusal_);
  }
  const std::string why = !lost.empty() ? lost : code == 0 ? "the stream was ended" : "the stream was reset";
  if (connection_.hopeless() || !options_.reconnect)
    finish(why);
  else
    wait(why);
}

void EventStreamClient::wait(const std::string& why) {
  const auto delay = std::max(source_.reconnection_delay(),
                              std::min(options_.backoff_max, std::chrono::milliseconds(250) * (1u << failures_)));
  failures_ = std::min(failures_ + 1, 16u);
  visitor_.on_reconnecting(delay, why);
  timer_.expires_after(delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && !ended_) ask();
  });
}

void EventStreamClient::finish(const std::string& why) {
  ended_ = true;
  timer_.cancel();
  visitor_.on_end(why);
}

}  // namespace sluice::client
