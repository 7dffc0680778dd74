// PublishSink: where a run's events go: another server's publish API (http_sink), or a user's command (command_sink).
// Owned by the Publisher, on its loop. Flow: send() → … → the visitor's on_published(), once for each send(), in any
// order. Invariant: what was sent for a topic arrives in that order, or is reported as failed.
#pragma once

#include <cstdint>
#include <string>

#include "bench/loss_ledger.h"

namespace sluice::bench {

struct Batch {
  unsigned topic = 0;
  SequenceRange sequences;      // of the topic
  std::uint64_t event = 0;      // the first event's number in the run
  std::uint64_t scheduled = 0;  // ns on the run's clock
};

class PublishVisitor {
 public:
  // `failure` empty: acknowledged.
  virtual void on_published(const Batch& batch, const std::string& failure) = 0;

 protected:
  ~PublishVisitor() = default;
};

class PublishSink {
 public:
  virtual ~PublishSink() = default;
  virtual void send(const Batch& batch) = 0;
  // Nothing more will be sent; what is under way may be dropped.
  virtual void close() = 0;
  [[nodiscard]] virtual bool closed() = 0;
};

}  // namespace sluice::bench
