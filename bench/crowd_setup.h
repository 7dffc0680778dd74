// CrowdSetup: what all threads of a run share and none changes: the plan, the server's address, how to trust it, the
// clock. Made by run_benchmark, which outlives them. Invariant: `address` is a literal address: names are resolved once
// for the run, not by ten thousand connections.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/plan.h"
#include "bench/publish_template.h"
#include "bench/run_clock.h"
#include "bench/stream_check.h"
#include "gateway/client/client_connection.h"
#include "proto/tls.h"

namespace sluice::bench {

struct CrowdSetup {
  const Plan& plan;
  const proto::TlsContext* tls = nullptr;  // null: plain TCP
  std::string address;
  RunClock clock;           // that payloads count their times on
  std::uint64_t began = 0;  // when the run began, on that clock
  std::uint64_t bin_ns = 1'000'000'000;
  StreamCheck::Options check;
  Template path{""}, query{""};
  std::function<void()> on_change;  // something that the main thread may wait for has happened; from any thread

  // By source address, in turn; never empty. Shared by all connections.
  std::vector<std::shared_ptr<const client::ClientConnection::Options>> connection_options;

  // When `plan` and `address` are there.
  void make_connection_options();
  // Of the number-th connection of all.
  [[nodiscard]] const std::shared_ptr<const client::ClientConnection::Options>& options_of(unsigned number) const {
    return connection_options[number % connection_options.size()];
  }
  [[nodiscard]] proto::Request request(unsigned topic, const std::string& last_event_id) const;
};

}  // namespace sluice::bench
