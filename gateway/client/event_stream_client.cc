#include "gateway/client/event_stream_client.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sluice::client {
namespace {

using State = proto::EventSource::State;

constexpr std::size_t refusal_bytes_max = 4096;
constexpr std::size_t location_shown_max = 200;

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
      timer_(loop),
      silence_timer_(loop) {
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

void EventStreamClient::pause() {
  paused_ = true;
  if (stream_) connection_.pause(*stream_);
}

void EventStreamClient::resume() {
  paused_ = false;
  hear();
  if (stream_) connection_.resume(*stream_);
}

void EventStreamClient::ask() {
  redirects_ = 0;
  request({options_.request.path, options_.request.query});
}

void EventStreamClient::request(Place place) {
  proto::Request request = options_.request;
  request.path = place.path;
  request.query = place.query;
  place_ = std::move(place);
  for (proto::Field& field : source_.request_fields()) request.fields.push_back(std::move(field));
  refusal_.clear();
  ignored_bytes_ = 0;
  status_ = 0;
  explained_ = false;
  stream_ = connection_.request(request, *this);
  if (paused_) connection_.pause(*stream_);
  hear();
  if (options_.silence.count() != 0) await_silence(options_.silence);
}

// Looks again when the last byte is old enough: nothing is armed for each.
void EventStreamClient::await_silence(std::chrono::milliseconds time) {
  silence_timer_.expires_after(time);
  silence_timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired()) on_silence();
  });
}

void EventStreamClient::on_silence() {
  if (!stream_ || ended_) return;
  if (paused_) return await_silence(options_.silence);
  const auto due = std::min(heard_ + options_.silence, heard_whole_ + options_.silence * source_.patience());
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due - std::chrono::steady_clock::now());
  if (left.count() > 0) return await_silence(left);
  silent_ = true;
  connection_.close();
}

void EventStreamClient::hear() { heard_ = heard_whole_ = std::chrono::steady_clock::now(); }

void EventStreamClient::on_head(proto::StreamId, proto::ResponseHead&& head, bool) {
  failures_ = 0;
  status_ = head.status;
  hear();
  if (source_.state() == State::closed) return;  // stopped meanwhile
  if (is_redirect(head.status)) follow(head);
  if (next_) return;
  if (source_.on_head(head) == State::open) return visitor_.on_open(head);
  explained_ = head.status >= 400;
  if (!explained_) connection_.reset(*stream_);  // nothing in its body explains more
}

void EventStreamClient::follow(const proto::ResponseHead& head) {
  const std::string_view location = proto::find_field(head.fields, "location");
  proto::Request base = options_.request;
  base.path = place_.path;
  base.query = place_.query;
  std::optional<Place> place = resolve_here(base, location);
  if (!place)
    refusal_ = "a redirect to '" + std::string(location.substr(0, location_shown_max)) +
               "' is not followed: only those within " + base.scheme + "://" + base.authority + " are";
  else if (++redirects_ > options_.redirects_max)
    refusal_ = "more than " + std::to_string(options_.redirects_max) + " redirects in a row";
  else
    next_ = std::move(place);
}

void EventStreamClient::on_body(proto::StreamId, std::span<const std::uint8_t> bytes) {
  if (source_.state() == State::open) {
    if (source_.on_body(text(bytes)) == State::closed && stream_) connection_.reset(*stream_);
    heard_ = std::chrono::steady_clock::now();
    if (!source_.passing_over()) heard_whole_ = heard_;
    return;
  }
  hear();
  if (explained_) refusal_ += text(bytes).substr(0, refusal_bytes_max - refusal_.size());
  const bool enough = ignored_bytes_ >= refusal_bytes_max;
  ignored_bytes_ += bytes.size();
  if (!enough && ignored_bytes_ >= refusal_bytes_max) connection_.reset(*stream_);
}

void EventStreamClient::on_close(proto::StreamId, std::uint32_t code) {
  stream_.reset();
  const std::string lost = connection_.error();
  std::optional<Place> next = std::exchange(next_, std::nullopt);
  if (source_.on_end() == State::closed) {
    const std::string& reason = source_.close_reason();
    while (refusal_.ends_with('\n')) refusal_.pop_back();
    return finish(refusal_.empty() ? reason : reason + ": " + refusal_);
  }
  if (next) return request(*std::move(next));
  const bool silent = std::exchange(silent_, false);
  const std::string why = silent          ? "nothing came for " + std::to_string(options_.silence.count()) + " ms"
                          : !lost.empty() ? lost
                          : code == 0     ? "the stream was ended"
                                          : "the stream was reset";
  if (connection_.hopeless() || !options_.reconnect)
    finish(why);
  else
    wait(why);
}

void EventStreamClient::wait(const std::string& why) {
  const auto least = std::max(std::min(options_.wait_max, source_.reconnection_delay()),
                              std::min(options_.backoff_max, std::chrono::milliseconds(250) * (1u << failures_)));
  const double share = options_.jitter * std::uniform_real_distribution<double>(0, 1)(random_);
  const auto delay = least + std::chrono::milliseconds(std::lround(static_cast<double>(least.count()) * share));
  failures_ = std::min(failures_ + 1, 16u);
  visitor_.on_reconnecting(delay, why);
  timer_.expires_after(delay);
  timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
    if (!error && !alive.expired() && !ended_) ask();
  });
}

void EventStreamClient::finish(const std::string& why) {
  ended_ = true;
  timer_.cancel();
  silence_timer_.cancel();
  visitor_.on_end(why);
}

}  // namespace sluice::client
