// Publisher: decides when which event is published, and keeps the books: what was sent, acknowledged, refused. Three
// paces: scheduled (open model: what is late is sent late and counts as latency), as fast as it is acknowledged, or one
// at a time. Owned by the run, on a LoopThread of its own, or on the crowd's only thread. Everything runs on that
// thread, except the counts. Invariant: a topic's sequence numbers are published without a hole, in order.
#pragma once

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/crowd_setup.h"
#include "bench/http_sink.h"
#include "bench/publish_sink.h"
#include "bench/slice.h"

namespace sluice::bench {

class Publisher final : private PublishVisitor {
 public:
  struct Surroundings {
    // Deliveries that have arrived so far, of all threads, each once: for one at a time.
    std::function<std::uint64_t()> arrived;
    // How many streams a topic has.
    std::function<std::uint64_t(unsigned topic)> streams_on;
    // By topic: how many events were handed out. Written here, read by the crowd.
    std::atomic<std::uint64_t>* published = nullptr;
    // One at a time: look again and again. False: the owner calls proceed() whenever something may have arrived.
    bool looks_itself = true;
  };
  // All outlive it but `http`.
  Publisher(boost::asio::io_context& loop, const CrowdSetup& setup, const HttpSink::Place& http,
            Surroundings surroundings);
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Scheduled: event i is due at `from` and i/rate seconds.
  void start(std::chrono::steady_clock::time_point from);
  // Scheduled: what is due before `end` is still published, late or not. Otherwise, or without `end`: nothing more.
  void stop();
  void end_at(std::chrono::steady_clock::time_point end) { end_ = end; }
  void set_rate(double events_per_second);
  void close() { sink_->close(); }
  [[nodiscard]] bool closed() { return sink_->closed(); }
  void proceed();
  void enter(unsigned section) { recorder_.enter(section, setup_.clock.now() - setup_.began); }
  void reach_now() { recorder_.reach(setup_.clock.now() - setup_.began); }
  // By topic, in order.
  [[nodiscard]] std::vector<std::vector<SequenceRange>> unacknowledged() const;
  [[nodiscard]] std::vector<std::uint64_t> published() const;  // by topic
  [[nodiscard]] const std::string& failure() const { return failure_; }

  // From any thread:
  [[nodiscard]] Outbox& outbox() { return recorder_.outbox(); }
  [[nodiscard]] std::uint64_t count() const { return count_.value(); }
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_.value(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_.value(); }
  // Everything that was due before its end has been handed out.
  [[nodiscard]] bool schedule_done() const { return schedule_done_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_.value(); }  // batches
  [[nodiscard]] std::uint64_t expected_deliveries() const { return expected_.value(); }

 private:
  void publish(std::uint64_t scheduled);
  void publish_due();
  [[nodiscard]] std::chrono::steady_clock::time_point next_due() const;
  void on_published(const Batch& batch, const std::string& failure) override;

  const CrowdSetup& setup_;
  const Publishing& publishing_;
  const Surroundings surroundings_;
  boost::asio::steady_timer timer_;
  Recorder recorder_;
  double rate_;
  Count count_, acknowledged_, refused_, in_flight_, expected_;
  std::chrono::steady_clock::time_point from_;  // of the schedule at this rate
  std::uint64_t scheduled_ = 0;                 // batches of it that were published
  std::chrono::steady_clock::time_point end_ = std::chrono::steady_clock::time_point::max();
  std::atomic<bool> schedule_done_{false};
  unsigned topic_ = 0;
  std::string failure_;                                     // the first
  std::vector<std::vector<SequenceRange>> unacknowledged_;  // by topic
  bool running_ = false, look_posted_ = false;
  std::unique_ptr<PublishSink> sink_;  // last: its end calls on_published
};

}  // namespace sluice::bench
