// CrowdConnection: one connection of the crowd with its event streams. Owned by a CrowdThread, on its thread. The first
// of its streams that asks makes it connect; the others wait here, not as copies of their requests, until it is open.
// Invariant: a stream that asked is sent, or fails, once for each time.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "bench/plan.h"
#include "bench/subscriber.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {

class CrowdThread;

// Whether the number-th of all the crowd's connections is a slow reader. Of any n in a row, n × share are.
[[nodiscard]] bool is_slow(const Plan& plan, unsigned number);

class CrowdConnection {
 public:
  // The number-th of all the crowd's connections. `joins_late`: events were published before.
  CrowdConnection(CrowdThread& thread, unsigned number, bool joins_late);
  CrowdConnection(const CrowdConnection&) = delete;
  CrowdConnection& operator=(const CrowdConnection&) = delete;

  void open();
  void close() { client_.close(); }
  // Reads at most so many bytes of the socket until it is called again.
  void limit_reading(std::size_t bytes) { client_.limit_reading(bytes); }
  void finish(const std::vector<std::uint64_t>& published);
  [[nodiscard]] bool slow() const { return slow_; }
  [[nodiscard]] bool idle() const { return client_.idle(); }

  // What its subscribers call.
  void ask(Subscriber& subscriber);
  void reset(proto::StreamId id) { client_.reset(id); }
  void on_settled();     // one was open for the first time, or never will be
  void on_stream_end();  // before anything is made of it
  [[nodiscard]] CrowdThread& thread() const { return thread_; }
  [[nodiscard]] const std::string& error() const { return client_.error(); }
  [[nodiscard]] bool hopeless() const { return client_.hopeless(); }

 private:
  void on_open();
  void send(Subscriber& subscriber);
  void note_gone();

  CrowdThread& thread_;
  const unsigned stream_count_;
  unsigned settled_ = 0;
  bool attempted_ = false;  // before
  bool open_ = false;       // counted as such
  const bool slow_;
  std::unique_ptr<Subscriber[]> subscribers_;
  client::ClientConnection client_;  // last: its end calls the subscribers
};

}  // namespace sluice::bench
