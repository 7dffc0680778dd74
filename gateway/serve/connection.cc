#include "gateway/serve/connection.h"

#include <algorithm>

#include "gateway/observe/log.h"
#include "proto/check.h"

namespace sluice::serve {

namespace {
constexpr std::size_t cache_line = 64;
constexpr std::size_t record_size = 16 * 1024;  // TLS plaintext limit, RFC 8446 §5.1
// Bytes one connection sends per turn: a fast reader with a long backlog does not keep the others waiting.
constexpr std::size_t turn_bytes = 512 * 1024;
// A stream has at most three quarters of its window in flight while the others may need what is left of the
// connection's: a reader that stops then leaves them room. Not less: peers return window when about half of it is
// consumed. Below this a peer counts bytes, and gets them all.
constexpr std::int32_t fair_window_min = 65'535;
}  // namespace

void Stream::wake() { connection_->wake(*this); }

Connection::Connection(std::uint64_t id, Services& services, Handler& handler, Transport& transport,
                       const proto::TlsContext& context, std::string remote)
    : services_(services),
      handler_(handler),
      transport_(transport),
      tls_(context, *this),
      id_(id),
      remote_(std::move(remote)),
      opened_(services.now),
      heard_(services.now),
      progressed_(services.now),
      next_visit_(services.now),
      idle_since_(services.now) {
  // Spread the visits (heartbeats) of connections that came together over the interval.
  next_visit_ += std::chrono::milliseconds(std::uniform_int_distribution<int>(0, 5000)(services_.random));
}

Connection::~Connection() {
  lost_ = true;
  session_.reset();  // calls on_close for every stream
  services_.backlog_bytes -= rest_counted_;
  if (dirty_) std::erase(services_.dirty, this);
}

// --- Reading -------------------------------------------------------------------------------------------------------

void Connection::on_bytes(std::span<const std::uint8_t> ciphertext) {
  if (dead_) return;
  heard_ = services_.now;
  spoke_ = true;
  services_.metrics.bytes_received.add(ciphertext.size());
  ByteBuffer& plaintext = services_.plaintext;
  plaintext.clear();
  const proto::TlsSession::State state = tls_.receive(ciphertext, plaintext);
  if (phase_ == Phase::handshake && state == proto::TlsSession::State::open) start_http();
  // Closing: whatever the peer still says, flush() has our last words to send first, and ends the connection then.
  if (session_ && !plaintext.empty() && phase_ != Phase::closing)
    if (auto error = session_->receive(plaintext.bytes(), services_.now)) fail(*error);
  if (session_ && (session_->wants_flush() || session_->finished())) mark_dirty();
  if (state == proto::TlsSession::State::failed) {
    services_.metrics.tls_handshakes[observe::Handshake::failed].add();
    observe::log_event(observe::Level::debug, "TLS handshake failed", {{"remote", remote_}, {"error", tls_.error()}});
    die();
  } else if (state == proto::TlsSession::State::closed_by_peer) {
    on_transport_end();
  }
}

void Connection::start_http() {
  if (tls_.alpn() != "h2") {
    services_.metrics.tls_handshakes[observe::Handshake::failed].add();
    observe::log_event(observe::Level::debug, "peer did not offer h2 by ALPN", {{"remote", remote_}});
    die();
    return;
  }
  services_.metrics.tls_handshakes[tls_.resumed() ? observe::Handshake::resumed : observe::Handshake::full].add();
  phase_ = Phase::open;
  idle_since_ = services_.now;
  session_ = std::make_unique<proto::Http2Server>(services_.config.limits.http2,
                                                  static_cast<proto::Http2Visitor&>(*this), services_.now);
  mark_dirty();
}

void Connection::fail(const proto::ConnectionError& error) {
  observe::log_event(observe::Level::debug, "connection error", {{"remote", remote_}, {"reason", error.reason}});
  phase_ = Phase::closing;
  if (!closing_since_) closing_since_ = services_.now;
  mark_dirty();  // GOAWAY goes out, then die()
  lost_ = true;
}

void Connection::on_transport_end() {
  lost_ = true;
  die();
}

void Connection::die() {
  if (std::exchange(dead_, true)) return;
  if (tls_.state() == proto::TlsSession::State::open && !backed_up()) tls_.close();
  mark_dirty();  // the worker buries it at the end of the turn
}

proto::Http2StreamOwner* Connection::on_request(proto::StreamId id, proto::Request&& request, bool body_follows) {
  // Every so many requests, what it costs to take one.
  constexpr std::uint64_t sample = 8;
  const bool sampled = services_.metrics.streams_opened.value() % sample == 0;
  const std::uint64_t begun = sampled ? thread_cpu_ns() : 0;
  std::unique_ptr<Stream> stream = handler_.handle(std::move(request), body_follows, *this);
  Stream& added = *stream;
  added.connection_ = this;
  added.id_ = id;
  added.index_ = static_cast<std::uint32_t>(streams_.size());
  if (streams_.size() == streams_.capacity()) streams_.reserve(streams_.size() + streams_.size() / 8 + 4);
  streams_.push_back(std::move(stream));
  warn_near_stream_limit();
  ++services_.streams;
  services_.metrics.streams.add(1);
  services_.metrics.streams_opened.add();
  if (body_follows) {
    ++bodies_;
    added.awaits_body_ = true;
  }
  added.start();
  if (sampled) {
    services_.arrivals.subscribe_ns += sample * (thread_cpu_ns() - begun);
    services_.arrivals.subscribes += sample;
  }
  if (draining_) finish(added, EndReason::drain);  // came before it could read our goodbye
  return &added;
}

void Connection::warn_near_stream_limit() {
  const std::uint32_t limit = services_.config.limits.http2.streams;
  if (near_stream_limit_ || streams_.size() * 10 < std::size_t{limit} * 9) return;
  near_stream_limit_ = true;
  services_.metrics.connections_near_stream_limit.add();
  observe::log_event(observe::Level::info, "a connection nears limits.streams_per_connection",
                     {{"remote", remote_}, {"streams", streams_.size()}, {"limit", limit}});
}

void Connection::on_body(proto::StreamId id, proto::Http2StreamOwner* owner, std::span<const std::uint8_t> bytes) {
  auto* stream = static_cast<Stream*>(owner);
  if (stream == nullptr || stream->ended_)
    session_->consume(id, bytes.size());
  else
    stream->on_body(bytes);
}

void Connection::on_body_end(proto::StreamId, proto::Http2StreamOwner* owner) {
  auto* stream = static_cast<Stream*>(owner);
  if (stream == nullptr) return;
  if (stream->awaits_body_) --bodies_;
  stream->awaits_body_ = false;
  if (!stream->ended_) stream->on_body_end();
}

void Connection::on_window(proto::StreamId id, proto::Http2StreamOwner* owner) {
  const auto unblock = [this](Stream& stream) {
    if (!stream.blocked_) return;
    stream.blocked_ = false;
    wake(stream);
  };
  if (owner != nullptr) {
    static_cast<Stream*>(owner)->moved_ = true;
    // Without window of the connection it keeps its place among those who wait for that.
    if (session_->connection_window() > 0) unblock(*static_cast<Stream*>(owner));
    return;
  }
  if (id != 0) return;
  window_most_ = std::max(window_most_, session_->connection_window());
  for (const auto& stream : streams_) unblock(*stream);
}

void Connection::on_close(proto::StreamId, proto::Http2StreamOwner* owner, std::uint32_t code) {
  auto* stream = static_cast<Stream*>(owner);
  if (stream == nullptr) return;
  if (stream->awaits_body_) --bodies_;
  stream->awaits_body_ = false;
  if (stream->ready_) std::ranges::replace(ready_, stream, nullptr);
  stream->ready_ = false;
  EndReason reason = stream->end_reason_;
  if (!stream->ended_) reason = lost_ ? lost_reason_ : code == 0 ? EndReason::complete : EndReason::peer_cancelled;
  stream->ended_ = true;
  const std::uint32_t index = stream->index_;
  closed_.push_back(std::move(streams_[index]));
  if (index + 1 != streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index_ = index;
  }
  streams_.pop_back();
  if (streams_.empty()) idle_since_ = services_.now;
  if (streams_.size() == 1 && session_ != nullptr) on_window(0, nullptr);  // it may send more now that it is alone
  --services_.streams;
  services_.metrics.streams.add(-1);
  services_.metrics.streams_ended[reason].add();
  stream->on_closed(reason);
  mark_dirty();
}

void Connection::on_glitch(proto::Glitch glitch) { services_.metrics.glitches[glitch].add(); }

// --- Writing -------------------------------------------------------------------------------------------------------

void Connection::mark_dirty() {
  if (std::exchange(dirty_, true)) return;
  services_.dirty.push_back(this);
}

void Connection::wake(Stream& stream) {
  if (stream.ready_ || stream.blocked_ || stream.ended_) return;
  stream.ready_ = true;
  if (ready_.capacity() == 0) ready_.reserve(streams_.size());
  ready_.push_back(&stream);
  mark_dirty();
}

void Connection::respond(Stream& stream, const proto::ResponseHead& head, bool end) {
  if (end) stream.ended_ = true;
  session_->respond(stream.id(), head, end);
  mark_dirty();
}

void Connection::proceed(Stream& stream) {
  session_->proceed(stream.id());
  mark_dirty();
}

void Connection::reset(Stream& stream, proto::ErrorCode code, EndReason reason) {
  if (stream.ended_) return;
  stream.ended_ = true;
  stream.end_reason_ = reason;
  session_->reset(stream.id(), code);
  mark_dirty();
}

void Connection::finish(Stream& stream, EndReason reason) {
  if (stream.ended_) return;
  stream.end_reason_ = reason;
  stream.blocked_ = false;  // an end needs no window
  stream.finishing_ = true;
  stream.finish();
  wake(stream);
}

Stream* Connection::find(proto::StreamId id) {
  for (const auto& stream : streams_)
    if (stream->id_ == id) return stream.get();
  return nullptr;
}

// Of ten thousand streams with one event each few are in the processor's cache: asked for a few before their turn, and
// what hangs on them when they are here.
void Connection::prefetch_ready(std::size_t next) const {
  constexpr std::size_t object_ahead = 6, state_ahead = 3;
  if (next + object_ahead < ready_.size())
    if (const Stream* stream = ready_[next + object_ahead]) {
      __builtin_prefetch(stream);
      __builtin_prefetch(reinterpret_cast<const char*>(stream) + cache_line);
      __builtin_prefetch(reinterpret_cast<const char*>(stream) + 2 * cache_line - 16);  // 128 bytes from malloc
    }
  if (next + state_ahead < ready_.size())
    if (const Stream* stream = ready_[next + state_ahead]) stream->prefetch();
}

void Connection::flush() {
  dirty_ = false;
  if (!session_ || dead_) return drop_closed();
  if (backed_up()) return drop_closed();
  ByteBuffer& out = services_.staging;
  out.clear();
  session_->flush(out);
  std::size_t sent = 0;
  std::size_t next = 0;
  const Stream* served = nullptr;  // the last that sent something
  while (next != ready_.size() && phase_ != Phase::closing) {
    prefetch_ready(next + 1);
    std::size_t quantum = std::exchange(quantum_left_, 0);
    if (quantum == 0) quantum = services_.config.limits.stream_quantum;
    Stream* stream = ready_[next];
    const std::size_t sent_before = sent;
    const bool stays = stream != nullptr && pump(*stream, quantum, sent);
    if (sent != sent_before) served = stream;
    if (stays && quantum != 0) {  // at the end of the list it would have less than the others, each time anew
      quantum_left_ = quantum;
      break;
    }
    ++next;
    if (stays) ready_.push_back(stream);
    if (out.size() >= record_size) seal(false);
    if (backed_up() || sent > turn_bytes) break;
  }
  ready_.erase(ready_.begin(), ready_.begin() + static_cast<std::ptrdiff_t>(next));
  if (served != nullptr && !served->ended_ && session_->connection_window() <= 0) rotate_streams(*served);
  // After every end: WebKit goes silent when streams stay open behind a GOAWAY.
  if (draining_ && !said_goodbye_ && ready_.empty()) say_goodbye();
  seal(true);
  services_.metrics.turn_flushes.add();
  if (!ready_.empty() && !backed_up()) mark_dirty();
  if (backed_up()) transport_.await_writable();
  if (tls_.state() == proto::TlsSession::State::failed) return on_transport_end();  // the peer broke TLS meanwhile
  // A drained connection waits one round trip (the PING's answer), so that its last bytes are not cut by a TCP reset.
  if ((session_->finished() && !draining_ && !backed_up()) || (phase_ == Phase::closing && lost_ && !backed_up()))
    die();
  drop_closed();
}

// When the connection's window opens, those behind come first, or the same few would always take it.
void Connection::rotate_streams(const Stream& served) {
  std::rotate(streams_.begin(), streams_.begin() + served.index_ + 1, streams_.end());
  for (std::uint32_t index = 0; index != streams_.size(); ++index) streams_[index]->index_ = index;
}

void Connection::say_goodbye() {
  said_goodbye_ = true;
  session_->ping();  // before GOAWAY: python-h2 takes no frame after it
  session_->goaway(proto::ErrorCode::no_error);
  session_->flush(services_.staging);
}

std::size_t Connection::sendable(const Stream& stream) const {
  const std::size_t window = session_->sendable(stream);
  const std::int32_t initial = session_->initial_stream_window();
  const auto others = static_cast<std::int64_t>(streams_.size()) - 1;
  if (initial < fair_window_min || stream.finishing_ || others == 0) return window;
  const std::int32_t left = session_->stream_window(stream);
  if (session_->connection_window() - left >= others * initial) return window;
  const std::size_t fair = std::min(window, static_cast<std::size_t>(std::max(left - initial / 4, 0)));
  return fair < window && stream.rest() <= static_cast<std::size_t>(left) ? window : fair;
}

bool Connection::pump(Stream& stream, std::size_t& quantum, std::size_t& sent) {
  ByteBuffer& out = services_.staging;
  for (;;) {
    const Burst burst = stream.prepare(std::min(sendable(stream), quantum));
    const bool end_frame = burst.end && !burst.reset;
    if (burst.end) stream.ended_ = true;
    if (burst.size != 0) {
      session_->send_data(stream, burst.size, end_frame, out);
    } else if (end_frame) {
      session_->end_stream(stream.id(), out);
    }
    if (burst.end && burst.reset) {
      session_->reset(stream.id(), proto::ErrorCode::cancel);
      session_->flush(out);
    }
    quantum -= burst.size;
    sent += burst.size;
    if (!stream.ready_) return false;  // closed meanwhile
    const bool out_of_window = burst.more && burst.size == 0 && quantum != 0;
    if (burst.end || !burst.more || out_of_window) {
      stream.ready_ = false;
      stream.blocked_ = out_of_window && !burst.end;
      return false;
    }
    if (quantum == 0) return true;
    if (out.size() >= record_size) {
      seal(false);
      if (backed_up()) return true;
    }
  }
}

void Connection::seal(bool all) {
  ByteBuffer& out = services_.staging;
  std::size_t sealed = 0;
  while (out.size() - sealed >= record_size) {
    tls_.send(out.bytes().subspan(sealed, record_size));
    sealed += record_size;
  }
  if (all && out.size() != sealed) {
    tls_.send(out.bytes().subspan(sealed));
    sealed = out.size();
  }
  out.consume(sealed);
}

void Connection::on_ciphertext(std::span<const std::uint8_t> bytes) {
  services_.metrics.bytes_sent.add(bytes.size());
  std::size_t taken = 0;
  if (rest_.empty()) {
    taken = transport_.send(bytes);
    progressed_ = services_.now;
  }
  if (taken == bytes.size()) return;
  const bool first = rest_.empty();
  if (first) backed_up_since_ = services_.now;
  rest_.append(bytes.subspan(taken));
  count_rest();
  if (first) transport_.await_writable();
}

void Connection::on_writable() {
  if (dead_ || rest_.empty()) return;
  const std::size_t taken = transport_.send(rest_.bytes());
  if (taken != 0) progressed_ = services_.now;
  if (taken == rest_.size()) {
    rest_.release();                             // an unblocked connection keeps no 16 KB behind
    if (ping_sent_) ping_sent_ = services_.now;  // a PING that was waiting goes now
    mark_dirty();
  } else {
    rest_.consume(taken);
    transport_.await_writable();
  }
  count_rest();
}

void Connection::count_rest() {
  services_.backlog_bytes += rest_.size() - rest_counted_;
  rest_counted_ = rest_.size();
}

void Connection::on_pong() {
  ping_sent_.reset();
  if (draining_ && streams_.empty()) die();
}

void Connection::drop_closed() { closed_.clear(); }

}  // namespace sluice::serve
