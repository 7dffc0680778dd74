// CrowdThread: one thread of the crowd: its loop, its share of the connections (every n-th), and what they count.
// Owned by the Crowd. Flow: grow() → connections open, a few at a time → bytes → StreamCheck → Tally and slices; ends →
// schedule → asked for again. Everything here runs on its thread, except thread(), tally() and outbox(), and all of it
// once the thread has ended. It waits for nothing but sockets and one timer.
// Invariant: nothing that its data path touches is written by another thread.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "bench/crowd_connection.h"
#include "bench/crowd_setup.h"
#include "bench/loop_thread.h"
#include "bench/schedule.h"
#include "bench/slice.h"
#include "bench/storm_record.h"
#include "bench/stream_check.h"
#include "bench/tally.h"
#include "gateway/client/client_connection.h"

namespace sluice::bench {

class CrowdThread {
 public:
  // The index-th of `count`. `setup` outlives it.
  CrowdThread(const CrowdSetup& setup, unsigned index, unsigned count);
  ~CrowdThread();
  CrowdThread(const CrowdThread&) = delete;
  CrowdThread& operator=(const CrowdThread&) = delete;

  [[nodiscard]] LoopThread& thread() { return thread_; }
  [[nodiscard]] const Tally& tally() const { return tally_; }
  [[nodiscard]] Outbox& outbox() { return recorder_.outbox(); }
  // The first thing that went wrong, for a person, and whether trying again is useless. From any thread.
  struct Trouble {
    std::string failure;  // of a connection
    std::string refusal;  // of a stream: "status 404"
    bool hopeless = false;
  };
  [[nodiscard]] Trouble trouble() const;
  // Before the thread begins: what else is on its loop.
  void after_each_turn(std::function<void()> after) { after_turn_ = std::move(after); }
  void begin();

  // What the main thread asks for.
  void grow(unsigned connections, bool joins_late);  // until it has its share of so many
  void enter(unsigned section) { recorder_.enter(section, now() - setup_.began); }
  void begin_storm(std::uint64_t instant) { storm_.begin(instant); }
  void drop_all();
  // Of slow connections: what a tenth of a second lets through, from now on, or without a limit again.
  void begin_slow_reading();
  void end_slow_reading();
  void close();
  [[nodiscard]] bool all_closed() const;
  void finish(const std::vector<std::uint64_t>& published);
  void destroy_connections() { connections_.clear(); }

  // What its connections and subscribers call.
  [[nodiscard]] std::uint64_t now();
  [[nodiscard]] const CrowdSetup& setup() const { return setup_; }
  [[nodiscard]] boost::asio::io_context& loop() { return thread_.loop(); }
  [[nodiscard]] client::ConnectionBuffers& buffers() { return buffers_; }
  [[nodiscard]] StreamCheck& check() { return check_; }
  [[nodiscard]] Tally& tally() { return tally_; }
  [[nodiscard]] Slice& slice() { return recorder_.slice(); }
  [[nodiscard]] Recorder& recorder() { return recorder_; }
  [[nodiscard]] StormRecord& storm() { return storm_; }
  [[nodiscard]] bool closing() const { return closing_; }
  void ask_later(Subscriber& subscriber, std::chrono::milliseconds time);
  void on_settled();
  void on_reconnect();
  void on_refusal(const std::string& why);
  void on_failed_attempt(const std::string& why, bool hopeless);
  void on_failure(const std::string& why) { on_failed_attempt(why, true); }
  void on_change() {
    if (setup_.on_change) setup_.on_change();
  }

 private:
  void open_more();
  void ask_due();
  void arm();
  void read_a_tenth();

  const CrowdSetup& setup_;
  const unsigned index_, count_;
  LoopThread thread_;
  client::ConnectionBuffers buffers_;
  Tally tally_;
  Recorder recorder_;
  StormRecord storm_;
  StreamCheck check_;
  Schedule<Subscriber> schedule_;
  boost::asio::steady_timer ask_timer_, open_timer_, slow_timer_;
  std::uint64_t armed_for_ = 0;  // 0: not at all
  std::uint64_t now_ = 0;
  bool now_stale_ = true;  // a turn has begun
  std::function<void()> after_turn_;
  unsigned wanted_ = 0;     // connections
  unsigned settled_ = 0;    // of which all streams were open once, or closed for good
  bool join_late_ = false;  // those that are opened now
  bool slow_reading_ = false, closing_ = false;
  std::chrono::steady_clock::time_point next_open_;
  double slow_allowance_ = 0;  // bytes a stream has saved up
  mutable std::mutex trouble_mutex_;
  Trouble trouble_;
  std::deque<CrowdConnection> connections_;  // last: their end calls the rest
};

}  // namespace sluice::bench
