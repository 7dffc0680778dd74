// Subscriber: one event stream of the crowd, as a browser's EventSource keeps it (HTML §9.2; the rules are
// proto::EventSource's): asked for again after every end, with the last event id, when the reconnection time has
// passed, and never again after a refusal. Owned by its CrowdConnection, on its thread. There are fifty thousand: it
// holds no parser, no timer and no request, 96 bytes in all.
//   begin → asked → open → (the stream ends, or no answer) waiting → asked → … or closed
// Invariant: exactly one of the crowd's schedule, its connection's session and nobody will call it next.
#pragma once

#include <cstdint>
#include <span>

#include "bench/stream_check.h"
#include "proto/response_visitor.h"

namespace sluice::bench {

class CrowdConnection;

class Subscriber final : public proto::ResponseVisitor {
 public:
  enum class State : std::uint8_t {
    idle,
    wanting,  // until its connection is open
    asked,
    open,
    waiting,  // for its reconnection time to pass
    closed,   // for good
  };

  void begin(CrowdConnection& connection, StreamPlace place);
  // Now: the first time, or again.
  void ask();
  void set_asked() { state_ = State::asked; }
  // The connection that it wanted was not made.
  void fail();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] StreamPlace& place() { return place_; }

 private:
  void wait();
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool end) override;
  void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override;
  void on_close(proto::StreamId id, std::uint32_t code) override;

  CrowdConnection* connection_ = nullptr;
  StreamPlace place_;
  std::uint64_t asked_at_ = 0;  // once it is open: when that was
  std::uint64_t lost_at_ = 0;   // 0: never yet
  State state_ = State::idle;
  bool was_open_ = false, heard_ = false;
  bool dropped_ = false;  // it lost its connection in the storm
};

}  // namespace sluice::bench
