// Admin: what the admin listener answers: /healthz (the process lives), /readyz (send traffic here: not while
// draining), /metrics. Runs on the first worker, over the same connections as the public side.
#pragma once

#include <atomic>

#include "gateway/observe/metrics.h"
#include "gateway/serve/connection.h"
#include "gateway/serve/load_watch.h"

namespace sluice::serve {

class Admin final : public Handler {
 public:
  // `ready`: false as soon as the drain begins.
  Admin(const observe::Metrics& metrics, const std::atomic<bool>& ready, const LoadWatch& load)
      : metrics_(metrics), ready_(ready), load_(load) {}

  std::unique_ptr<Stream> handle(proto::Request&& request, bool body_follows, Connection& connection) override;

 private:
  const observe::Metrics& metrics_;
  const std::atomic<bool>& ready_;
  const LoadWatch& load_;
};

}  // namespace sluice::serve
