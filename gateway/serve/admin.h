// Admin: what the admin listener answers: /healthz (the process lives), /readyz (send traffic here: not while
// draining), /metrics, /status (for its page), and the dashboard at /. It changes nothing.
// Runs on the first worker, over the same connections as the public side.
#pragma once

#include <atomic>
#include <chrono>

#include "gateway/observe/metrics.h"
#include "gateway/serve/answer.h"
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
  [[nodiscard]] Answer answer(const proto::Request& request, std::chrono::steady_clock::time_point now) const;

  const observe::Metrics& metrics_;
  const std::atomic<bool>& ready_;
  const LoadWatch& load_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace sluice::serve
