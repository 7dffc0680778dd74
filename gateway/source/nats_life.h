// NatsLife: the thread of a NATS source that keeps a connection: connects, lets the source serve the connection until it
// is lost, says why, and connects again after a wait that grows. Owned by a source, started and stopped on its home
// worker's thread. It knows nothing of streams and subjects. Invariant: one connection at a time, and none after stop().
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "gateway/source/backoff.h"
#include "gateway/source/nats_connection.h"
#include "gateway/source/nats_handover.h"
#include "gateway/source/nats_url.h"
#include "gateway/source/source.h"

namespace sluice::source {

class NatsLife {
 public:
  // On the life's thread: serves the connection until it is over, and returns why, for a person.
  using Serve = std::function<std::string(const NatsConnection&)>;

  // Throws std::runtime_error in one line that names the key.
  NatsLife(const Context& context, NatsHandover& handover);
  ~NatsLife() { stop(); }
  NatsLife(const NatsLife&) = delete;
  NatsLife& operator=(const NatsLife&) = delete;

  void start(Serve serve);
  // Ends the connection, and waits for the thread. The handover has been stopped before.
  void stop();
  // Called by `serve` when the source has its place: from now on it is up.
  void set_up();
  [[nodiscard]] std::string authority() const { return url_.authority(); }

 private:
  void run(const Serve& serve);
  // False: stop() came first.
  [[nodiscard]] bool keep(NatsConnection connection);

  const config::Source& config_;
  const NatsUrl url_;
  observe::SourceMetrics& metrics_;
  NatsHandover& handover_;
  Backoff backoff_;  // the thread's
  bool was_up_ = false;
  std::mutex mutex_;  // of connection_
  NatsConnection connection_;
  std::thread thread_;
};

}  // namespace sluice::source
