#include "bench/subscriber.h"

#include <algorithm>
#include <utility>

#include "bench/crowd_connection.h"
#include "bench/crowd_thread.h"
#include "proto/event_source.h"

namespace sluice::bench {

void Subscriber::begin(CrowdConnection& connection, StreamPlace place) {
  connection_ = &connection;
  place_ = std::move(place);
}

void Subscriber::ask() {
  asked_at_ = connection_->thread().now();
  state_ = State::wanting;
  connection_->ask(*this);
}

void Subscriber::on_head(proto::StreamId id, proto::ResponseHead&& head, bool) {
  CrowdThread& thread = connection_->thread();
  if (std::string refusal = proto::event_stream_refusal(head); !refusal.empty()) {
    if (const std::string_view place = proto::find_field(head.fields, "location"); !place.empty())
      refusal.append(", to ").append(place);
    state_ = State::closed;
    connection_->reset(id);
    thread.on_refusal(refusal);
    if (!was_open_) connection_->on_settled();
    return;
  }
  state_ = State::open;
  const std::uint64_t now = thread.now();
  Tally& tally = thread.tally();
  ++thread.slice().opened;
  tally.streams_open.add(1);
  tally.open_time.record(now - asked_at_);
  if (dropped_) thread.storm().on_back(now, now - lost_at_, now - asked_at_);
  asked_at_ = now;
  if (was_open_) return;
  was_open_ = true;
  tally.opened_once.add(1);
  connection_->on_settled();
}

void Subscriber::on_body(proto::StreamId, std::span<const std::uint8_t> bytes) {
  if (state_ != State::open) return;
  CrowdThread& thread = connection_->thread();
  thread.check().feed(place_, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, thread.now(),
                      lost_at_ == 0 ? 0 : asked_at_);
  if (heard_) return;
  heard_ = true;
  thread.tally().heard.add(1);
  thread.on_change();
}

void Subscriber::on_close(proto::StreamId, std::uint32_t) {
  CrowdThread& thread = connection_->thread();
  if (thread.closing() || state_ == State::closed) return;
  connection_->on_stream_end();
  if (state_ != State::open) return fail();
  thread.check().cut(place_);
  lost_at_ = thread.now();
  ++thread.slice().ended;
  Tally& tally = thread.tally();
  tally.ended.add(1);
  tally.streams_open.subtract(1);
  if (place_.slow) tally.slow_ended.add(1);
  if (dropped_)
    thread.storm().on_lost_again();
  else
    dropped_ = thread.storm().on_lost(place_.retry_ms == StreamPlace::no_retry ? 0 : place_.retry_ms);
  wait();
}

void Subscriber::fail() {
  connection_->thread().on_failed_attempt(connection_->error(), connection_->hopeless());
  wait();
}

// Browsers add no jitter and do not back off: nor does the crowd (HTML §9.2.3 lets them).
void Subscriber::wait() {
  state_ = State::waiting;
  const proto::EventSource::Options browser;
  std::chrono::milliseconds time = browser.reconnection_time;
  if (place_.retry_ms != StreamPlace::no_retry) time = std::chrono::milliseconds(place_.retry_ms);
  connection_->thread().ask_later(*this, std::max(time, browser.reconnection_time_min));
}

}  // namespace sluice::bench
