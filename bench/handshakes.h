// Newcomer: one place in a crowd of newcomers: connects with a full TLS handshake, waits until its stream is answered,
// closes, and begins again: what a reconnect storm costs a server. Owned by the run, on one CrowdThread's thread, as
// all in its hands. Invariant: a connection counts once, when its stream was answered.
#pragma once

#include "bench/crowd_thread.h"
#include "gateway/client/client_connection.h"
#include "proto/response_visitor.h"

namespace sluice::bench {

class Newcomer final : private proto::ResponseVisitor {
 public:
  Newcomer(CrowdThread& thread, unsigned number);

  void begin();
  // Does not begin again.
  void stop();
  [[nodiscard]] bool idle() const { return connection_.idle(); }

 private:
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool end) override;
  void on_body(proto::StreamId, std::span<const std::uint8_t>) override {}
  void on_close(proto::StreamId id, std::uint32_t code) override;

  CrowdThread& thread_;
  const proto::Request request_;
  std::uint64_t asked_at_ = 0;
  bool served_ = false, stopped_ = false;
  client::ClientConnection connection_;  // last: its end calls on_close
};

}  // namespace sluice::bench
