// EventStreamClient: one event stream of a server, kept open: proto::EventSource with a connection and a clock. Used by
// tail, tests and backends that are event streams themselves (source/sse_backend_stream). Owned by them, on the
// connection's loop. Over HTTP/1.1 it needs the connection for itself.
// Flow: start() → request → redirects → head and body to the EventSource → events to the visitor → end → wait →
// request, with the last event id. The wait is the stream's reconnection time; while no connection can be made it
// doubles up to `backoff_max`. Redirects are followed at the same server only, from the first place each time.
// Invariant: after on_end nothing comes any more. It goes after its connection, or when its stream is closed.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "gateway/client/client_connection.h"
#include "gateway/client/redirect.h"
#include "proto/event_source.h"

namespace sluice::client {

class EventStreamVisitor : public proto::sse::ParserVisitor {
 public:
  virtual void on_open(const proto::ResponseHead&) {}
  virtual void on_reconnecting(std::chrono::milliseconds /*wait*/, const std::string& /*why*/) {}
  // For good: refused by the server (with what it said), hopeless, ended without reconnecting, or stopped (empty).
  virtual void on_end(const std::string& why) = 0;

 protected:
  ~EventStreamVisitor() = default;
};

class EventStreamClient final : private proto::ResponseVisitor {
 public:
  struct Options {
    proto::Request request;  // method and scheme are filled in; the fields are sent with each request
    proto::EventSource::Options source;
    bool reconnect = true;
    std::chrono::milliseconds backoff_max{30'000};
    // No wait is longer, whatever `retry:` or Retry-After say, but for its jitter.
    std::chrono::milliseconds wait_max{proto::sse::retry_max};
    // When nothing has come for so long, not even a comment, the connection is given up and made again; an event that
    // is too large and does not end is nothing (proto::EventSource::patience()). 0: never.
    std::chrono::milliseconds silence{0};
    // Drawn each time and added to a wait: up to this share of it. None by default: the gateway draws each subscriber's
    // reconnection time. Other servers send the same one to all who lost them in the same moment.
    double jitter = 0;
    unsigned redirects_max = 5;  // in a row; 0: none is followed
  };

  // `connection` and `visitor` outlive it.
  EventStreamClient(boost::asio::io_context& loop, ClientConnection& connection, Options options,
                    EventStreamVisitor& visitor);
  EventStreamClient(const EventStreamClient&) = delete;
  EventStreamClient& operator=(const EventStreamClient&) = delete;

  void start();
  // Ends it: on_end("") comes once the stream is closed. May be called from a visitor's callback.
  void stop();
  // Leaves what the server sends where it is (ClientConnection::pause()). Silence is nothing then.
  void pause();
  void resume();
  [[nodiscard]] const proto::EventSource& source() const { return source_; }
  // Of the head that answered the last request; 0: there was none.
  [[nodiscard]] int status() const { return status_; }

 private:
  void ask();
  void request(Place place);
  void follow(const proto::ResponseHead& head);
  void wait(const std::string& why);
  void await_silence(std::chrono::milliseconds time);
  void on_silence();
  void hear();
  void finish(const std::string& why);
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool end) override;
  void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override;
  void on_close(proto::StreamId id, std::uint32_t code) override;

  ClientConnection& connection_;
  EventStreamVisitor& visitor_;
  Options options_;
  proto::EventSource source_;
  boost::asio::steady_timer timer_, silence_timer_;
  std::chrono::steady_clock::time_point heard_, heard_whole_;   // the last byte, and the last that was of some use
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with it: late completions look
  int status_ = 0;
  std::optional<proto::StreamId> stream_;
  Place place_;                // of the last request
  std::optional<Place> next_;  // of the next one: a redirect
  std::string refusal_;        // what a response that is no event stream says why
  std::size_t ignored_bytes_ = 0;
  unsigned failures_ = 0;   // requests since the last head
  unsigned redirects_ = 0;  // in a row
  bool explained_ = false;  // the body of the response belongs to refusal_
  bool ended_ = false;
  bool paused_ = false, silent_ = false;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace sluice::client
