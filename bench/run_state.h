// Run: what every scenario is made of: opening the crowd, starting the publisher, waiting, measuring, settling, and the
// outcome at the end. Made by run_benchmark for one plan, on the caller's thread. The scenarios (steady, storm, ramp,
// ...) are functions over it, each in its file. Flow: open() → start_publishing() → work() → begin_measuring() →
// work() → end_measuring() → settle() → finish().
// Invariant: work() looks at the watcher's wish to stop, samples the servers and reports progress four times a second.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/crowd_setup.h"
#include "bench/crowd_threads.h"
#include "bench/outcome.h"
#include "bench/plan.h"
#include "bench/progress.h"
#include "bench/publisher.h"
#include "bench/server_process.h"
#include "bench/timeline.h"
#include "proto/tls.h"

namespace sluice::bench {

class Run {
 public:
  using Clock = std::chrono::steady_clock;

  // Both outlive it. Throws std::runtime_error: see run_benchmark().
  Run(const Plan& plan, Watcher& watcher);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  [[nodiscard]] const Plan& plan() const { return plan_; }
  [[nodiscard]] CrowdThreads& crowd() { return *crowd_; }
  [[nodiscard]] Publisher* publisher() { return publisher_.get(); }
  [[nodiscard]] std::deque<ServerProcess>& servers() { return servers_; }
  [[nodiscard]] Timeline& timeline() { return timeline_; }
  [[nodiscard]] Outcome& outcome() { return outcome_; }
  [[nodiscard]] std::uint64_t now() const { return setup_.clock.now(); }
  [[nodiscard]] bool stopping() const { return outcome_.interrupted; }

  // Opens the plan's crowd. Throws unless every stream is open.
  void open();
  // From when it publishes; without a publisher too.
  Clock::time_point start_publishing();
  // What is due before is published, then nothing: so many events as rate and time make.
  void end_publishing_at(Clock::time_point end);
  // Of a ramp: before open(), or while events are published.
  void set_rate(double events_per_second);
  // Throws when the first events were refused: then nothing can be measured.
  void expect_publishing();
  // Waits until `done`, at most so long; false: it is not. Ends early when the watcher wishes.
  template <class Done>
  bool work_until(Phase phase, Done done, Clock::duration at_most) {
    begin_phase(phase, at_most);
    return work_on([&] { return done(); });
  }
  void work(Phase phase, Clock::duration time) {
    work_until(
        phase, [] { return false; }, time);
  }
  void work_to(Phase phase, Clock::time_point end) { work(phase, end - Clock::now()); }
  // Until `complete`, or nothing has arrived for so long.
  void work_while_arriving(Phase phase, const std::function<bool()>& complete, Clock::duration quiet_max);
  void set_step(std::string step) { step_ = std::move(step); }
  // Everything recorded from now on is of the section that is returned.
  unsigned enter_section();
  void begin_measuring();
  void end_measuring();
  // Stops publishing, and waits for what is under way.
  void settle();
  // Closes everything; the outcome is whole.
  Outcome finish();
  // Looks now, not within a quarter of a second.
  void gather();
  void warn(std::string warning) { outcome_.warnings.push_back(std::move(warning)); }
  void fail(const std::string& why) {
    if (outcome_.failure.empty()) outcome_.failure = why;
  }
  // For a person: why a stream was refused or a connection not made, and what to do about it.
  [[nodiscard]] std::string explain(const CrowdThread::Trouble& trouble) const;
  [[nodiscard]] std::uint64_t arrived() const { return crowd_->totals().arrived(); }

 private:
  void make_publisher();
  // On its thread; waits.
  template <class Do>
  void on_publisher(Do task) {
    LoopThread& thread = publish_thread_ ? *publish_thread_ : crowd_->threads().front()->thread();
    thread.run([&] { task(*publisher_); });
  }
  // In a storm and on a ramp some publishes are meant to fail.
  [[nodiscard]] bool publisher_failure_matters() const;
  void begin_phase(Phase phase, Clock::duration at_most);
  bool work_on(const std::function<bool()>& done);
  void report_progress();
  void count_faults();
  void judge_client();
  [[nodiscard]] std::vector<std::uint64_t> published_counts() const;

  const Plan& plan_;
  Watcher& watcher_;
  Outcome outcome_;
  boost::asio::io_context loop_{1};  // of this thread: others wake it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  std::atomic<bool> woken_{false};
  std::optional<proto::TlsContext> tls_, publish_tls_;
  CrowdSetup setup_;
  std::string publish_address_;
  std::vector<std::atomic<std::uint64_t>> published_;  // by topic
  std::deque<ServerProcess> servers_;
  Timeline timeline_;
  std::unique_ptr<CrowdThreads> crowd_;
  std::unique_ptr<LoopThread> publish_thread_;  // null: the publisher is on the crowd's only thread
  std::unique_ptr<Publisher> publisher_;

  Phase phase_ = Phase::opening;
  std::string step_;
  Clock::time_point began_ = Clock::now(), phase_began_, phase_ends_, next_report_;
  unsigned section_ = 0;
  double rate_ = 0;  // 0: the plan's
  // At begin_measuring():
  Clock::time_point measured_from_;
  std::chrono::nanoseconds own_cpu_{0};
  std::vector<std::chrono::nanoseconds> thread_cpu_;
  std::vector<unsigned> measured_sections_;
  bool measuring_ = false, ends_by_itself_ = false;
};

}  // namespace sluice::bench
