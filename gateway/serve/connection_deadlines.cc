// What a connection does as time passes: its deadlines, its PING, its visits, and whom it ends for holding what others
// need: window, memory, or its own place.
#include "gateway/serve/connection.h"

#include <algorithm>

namespace sluice::serve {

namespace {
// The streams of a connection starve when less than this share of its window is left, and who has not moved for
// hog_patience is ended for it.
constexpr std::int32_t starving_share = 8;
constexpr std::chrono::seconds hog_patience{5};
// A reader that is only slower than we are empties its rest within this time, again and again.
constexpr std::chrono::seconds held_after{1};
// Whoever came when there was no room for connections has its answer by then.
constexpr std::chrono::seconds surplus_patience{1};
// While few more handshakes may begin: a client says something at once, and is done after two round trips.
constexpr std::chrono::milliseconds silent_patience{500}, hurried_patience{3000};
}  // namespace

void Connection::on_time() {
  if (dead_) return;
  const config::Limits& limits = services_.config.limits;
  const topic::TimePoint now = services_.now;
  auto& hits = services_.metrics.limit_hits;
  const auto cut = [&](observe::Limit limit) {
    hits[limit].add();
    lost_ = true;
    if (session_ == nullptr) return die();
    session_->goaway(proto::ErrorCode::no_error);
    phase_ = Phase::closing;
    closing_since_ = now;
    mark_dirty();
  };
  if (phase_ == Phase::handshake) {
    const std::chrono::milliseconds patience = spoke_ ? hurried_patience : silent_patience;
    if (now - opened_ > (services_.handshakes_scarce ? std::min(patience, limits.tls_handshake_timeout)
                                                     : limits.tls_handshake_timeout)) {
      services_.metrics.tls_handshakes[observe::Handshake::timeout].add();
      cut(observe::Limit::handshake_timeout);
    }
    return;
  }
  if (backed_up() && now - progressed_ > limits.stall_timeout) {
    hits[observe::Limit::stall_timeout].add();
    lost_reason_ = EndReason::slow;
    return on_transport_end();
  }
  if (closing_since_) {
    if (now - *closing_since_ > std::chrono::seconds(2)) die();
    return;
  }
  if (const auto deadline = session_->deadline(); deadline && *deadline <= now)
    if (auto error = session_->expire(now)) return fail(*error);
  if (surplus_ && streams_.empty() && now - idle_since_ > surplus_patience) return drain();
  if (streams_.empty() && now - idle_since_ > limits.idle_timeout) return cut(observe::Limit::idle_timeout);
  // A PING behind bytes that the transport has not taken says nothing about the peer: then stall_timeout decides.
  if (ping_sent_ && !backed_up() && now - *ping_sent_ > limits.ping_timeout) {
    hits[observe::Limit::ping_timeout].add();
    return on_transport_end();
  }
  if (!ping_sent_ && now - heard_ > limits.ping_interval) {
    session_->ping();
    ping_sent_ = now;
    mark_dirty();
  }
  end_hog();
  if (bodies_ != 0 || now >= next_visit_) visit_streams();
}

void Connection::end_hog() {
  if (session_->connection_window() >= window_most_ / starving_share) return starving_since_.reset();
  if (!starving_since_) {
    starving_since_ = services_.now;
    for (const auto& stream : streams_) stream->moved_ = false;
  }
  if (services_.now - *starving_since_ < hog_patience) return;
  starving_since_.reset();  // whoever is left is given as long
  const auto in_flight = [this](const std::unique_ptr<Stream>& stream) {
    return session_->initial_stream_window() - session_->stream_window(*stream);
  };
  Stream* hog = nullptr;
  std::int64_t most = window_most_ / static_cast<std::int64_t>(std::max<std::size_t>(streams_.size(), 1));
  for (const auto& stream : streams_) {
    if (stream->moved_ || stream->ended_ || in_flight(stream) <= most) continue;
    most = in_flight(stream);
    hog = stream.get();
  }
  if (hog == nullptr || streams_.size() < 2) return;
  services_.metrics.limit_hits[observe::Limit::stall_timeout].add();
  reset(*hog, proto::ErrorCode::cancel, EndReason::slow);  // a clean end would leave its bytes in the window
}

std::size_t Connection::held_bytes() const {
  if (dead_) return 0;
  const bool stuck = backed_up() && services_.now - backed_up_since_ > held_after;
  std::size_t bytes = stuck ? rest_.capacity() : 0;
  for (const auto& stream : streams_)
    if (!stream->ended_ && (stuck || stream->blocked_)) bytes += stream->held_bytes();
  return bytes;
}

void Connection::let_go() {
  observe::Counter& hits = services_.metrics.limit_hits[observe::Limit::memory];
  if (backed_up()) {
    hits.add();
    lost_reason_ = EndReason::slow;
    return on_transport_end();
  }
  for (std::size_t index = 0; index != streams_.size(); ++index) {
    Stream& stream = *streams_[index];
    if (stream.ended_ || !stream.blocked_ || stream.held_bytes() == 0) continue;
    hits.add();
    stream.let_go();
  }
}

void Connection::visit_streams() {
  if (ready_.empty()) std::vector<Stream*>().swap(ready_);  // an idle connection keeps no list
  next_visit_ = services_.now + services_.visit_interval;
  for (std::size_t index = 0; index != streams_.size(); ++index) {
    Stream& stream = *streams_[index];
    if (!stream.ended_) stream.on_time();
  }
}

void Connection::drain() {
  if (dead_ || closing_since_) return;
  if (session_ == nullptr) return on_transport_end();
  draining_ = true;
  closing_since_ = services_.now;
  for (const auto& stream : streams_) finish(*stream, EndReason::drain);
  mark_dirty();
}

}  // namespace sluice::serve
