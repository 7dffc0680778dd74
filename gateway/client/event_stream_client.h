// EventStreamClient: one event stream of a server, kept open: proto::EventSource with a connection and a clock. Used by
// tail, tests and, later, backends that are event streams themselves. Owned by them, on the connection's loop.
// Flow: start() → request → head and body to the EventSource → events to the visitor → end → wait → request, with the
// last event id. The wait is the stream's reconnection time; while no connection can be made it doubles up to
// `backoff_max`. No jitter: the gateway draws each subscriber's reconnection time (design §5.5).
// Invariant: after on_end nothing comes any more.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "gateway/client/client_connection.h"
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
    proto::Request request;  // method, scheme and authority are filled in when empty; fields are sent with each request
    proto::EventSource::Options source;
    bool reconnect = true;
    std::chrono::milliseconds backoff_max{30'000};
  };

  // `connection` and `visitor` outlive it.
  EventStreamClient(boost::asio::io_context& loop, ClientConnection& connection, Options options,
                    EventStreamVisitor& visitor);
  EventStreamClient(const EventStreamClient&) = delete;
  EventStreamClient& operator=(const EventStreamClient&) = delete;

  void start();
  // Ends it: on_end("") comes once the stream is closed. May be called from a visitor's callback.
  void stop();
  [[nodiscard]] const proto::EventSource& source() const { return source_; }

 private:
  void ask();
  void wait(const std::string& why);
  void finish(const std::string& why);
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool end) override;
  void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override;
  void on_close(proto::StreamId id, std::uint32_t code) override;

  ClientConnection& connection_;
  EventStreamVisitor& visitor_;
  Options options_;
  proto::EventSource source_;
  boost::asio::steady_timer timer_;
  std::optional<proto::StreamId> stream_;
  std::string refusal_;    // the body of a response that is no event stream: says why
  unsigned failures_ = 0;  // requests since the last head
  bool ended_ = false;
};

}  // namespace sluice::client
