// Gateway: the workers, their threads, the listeners, and the way down. Built and run by main's wiring (run.cc), which
// puts sources into the workers between construction and run(). Its thread becomes the first worker's.
// Signals: TERM and INT drain; a second one ends all connections now; a third exits at once; HUP is noted.
#pragma once

#include <atomic>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "gateway/serve/admin.h"
#include "gateway/serve/listener.h"
#include "gateway/serve/load_watch.h"
#include "gateway/serve/worker.h"

namespace sluice::serve {

class Gateway {
 public:
  // Binds the listeners; throws std::runtime_error in one line.
  Gateway(const config::Config& config, const proto::TlsContext& context);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  [[nodiscard]] std::size_t worker_count() const { return workers_.size(); }
  [[nodiscard]] Worker& worker(std::size_t index) { return *workers_[index]; }
  [[nodiscard]] observe::Metrics& metrics() { return metrics_; }
  [[nodiscard]] const std::string& address() const { return listener_->address(); }
  [[nodiscard]] std::uint16_t port() const { return listener_->port(); }
  // Empty: the admin listener is off.
  [[nodiscard]] std::string admin_address() const { return admin_listener_ ? admin_listener_->address() : ""; }

  // Serves until the drain is over.
  void run();

 private:
  void await_signal();
  void on_signal(int signal);
  void begin_drain();
  void drain_connections(std::chrono::milliseconds duration);
  void await_empty();

  // First, so that it goes last: while sockets and sources are taken down a signal does nothing, where it would kill.
  struct LateSignals {
    boost::asio::io_context io;
    boost::asio::signal_set signals{io, SIGTERM, SIGINT, SIGHUP};
  } late_signals_;

  const config::Config& config_;
  const Rules rules_;
  observe::Metrics metrics_;
  load::State load_state_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<LoadWatch> load_watch_;
  std::atomic<bool> ready_{true};
  Admin admin_;
  std::unique_ptr<Listener> listener_, admin_listener_;
  boost::asio::signal_set signals_;
  boost::asio::steady_timer timer_;
  std::vector<std::thread> threads_;
  std::optional<topic::TimePoint> connections_end_;  // when the drain must be over
  topic::TimePoint progress_due_{};                  // when the log says how far it is
  int signal_count_ = 0;
};

// How many workers `workers = "auto"` means: the CPUs that this process may use (affinity and cgroup quota).
[[nodiscard]] unsigned automatic_worker_count();

}  // namespace sluice::serve
