// What a Run does while and after its crowd is open: waits, measures, settles, counts. The contract is run_state.h.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "bench/run_state.h"

namespace sluice::bench {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds report_interval{250};
// How long deliveries that are under way may take to come before they count as lost.
constexpr std::chrono::seconds settle_patience{5};
// A server that never stops sending ends a run all the same.
constexpr std::chrono::minutes arriving_max{10};
constexpr std::chrono::seconds close_patience{3};
constexpr double nothing_seconds = 0.001;
constexpr double bottleneck_share = 0.9;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

// --- Time ------------------------------------------------------------------------------------------------------------

void Run::begin_phase(Phase phase, Clock::duration at_most) {
  phase_ = phase;
  phase_began_ = Clock::now();
  phase_ends_ = phase_began_ + at_most;
}

bool Run::work_on(const std::function<bool()>& done) {
  while (true) {
    if (watcher_.wants_to_stop()) outcome_.interrupted = true;
    if (stopping() && phase_ != Phase::closing) return done();
    if (done()) return true;
    const auto now = Clock::now();
    if (now >= phase_ends_) return false;
    if (now >= next_report_) {
      gather();
      report_progress();
      next_report_ = now + report_interval;
    }
    loop_.run_one_until(std::min({phase_ends_, next_report_, now + milliseconds(50)}));
  }
}

void Run::gather() {
  for (ServerProcess& server : servers_) server.sample();
  crowd_->each([&](CrowdThread& thread) { thread.enter(section_); });
  for (const auto& thread : crowd_->threads()) timeline_.take(thread->outbox());
  if (!publisher_) return;
  on_publisher([&](Publisher& publisher) { publisher.enter(section_); });
  timeline_.take(publisher_->outbox());
}

void Run::report_progress() {
  const CrowdTotals totals = crowd_->totals();
  Progress progress;
  progress.phase = phase_;
  progress.step = step_;
  const auto now = Clock::now();
  progress.seconds = seconds(now - began_);
  progress.phase_seconds = seconds(now - phase_began_);
  if (phase_ == Phase::warming_up || phase_ == Phase::measuring)
    progress.phase_of_seconds = seconds(phase_ends_ - phase_began_);
  progress.streams_open = totals.streams_open;
  progress.streams_wanted = crowd_->streams();
  progress.connections_open = totals.connections_open;
  progress.published = publisher_ ? publisher_->count() : 0;
  progress.refused_publishes = publisher_ ? publisher_->refused() : 0;
  progress.deliveries = totals.deliveries;
  progress.bytes = totals.bytes;
  progress.reconnects = totals.reconnects;
  progress.lost = totals.lost;
  progress.repeated = totals.repeated;
  progress.reordered = totals.reordered;
  progress.malformed = totals.malformed;
  progress.bin = outcome_.bin;
  progress.bins = timeline_.bins();
  watcher_.on_progress(progress);
}

unsigned Run::enter_section() {
  ++section_;
  gather();
  if (measuring_) measured_sections_.push_back(section_);
  return section_;
}

// --- Measuring -------------------------------------------------------------------------------------------------------

void Run::begin_measuring() {
  measuring_ = true;
  enter_section();
  for (ServerProcess& server : servers_) server.begin_measuring();
  own_cpu_ = own_cpu_time();
  thread_cpu_.clear();
  for (const auto& thread : crowd_->threads()) thread_cpu_.push_back(thread->thread().cpu_time());
  if (publish_thread_) thread_cpu_.push_back(publish_thread_->cpu_time());
  measured_from_ = Clock::now();
  outcome_.measured_from_seconds = seconds(measured_from_ - began_);
}

void Run::end_measuring() {
  outcome_.seconds = seconds(Clock::now() - measured_from_);
  for (ServerProcess& server : servers_) server.end_measuring();
  outcome_.client.cpu_seconds = seconds(own_cpu_time() - own_cpu_);
  std::size_t i = 0;
  std::chrono::nanoseconds busiest{0};
  for (const auto& thread : crowd_->threads())
    busiest = std::max(busiest, thread->thread().cpu_time() - thread_cpu_[i++]);
  if (publish_thread_) busiest = std::max(busiest, publish_thread_->cpu_time() - thread_cpu_[i]);
  if (outcome_.seconds > 0) outcome_.client.busiest_thread_share = seconds(busiest) / outcome_.seconds;
  measuring_ = false;
  enter_section();
  for (const unsigned section : measured_sections_) {
    const Slice& slice = timeline_.section(section);
    outcome_.published += slice.published;
    outcome_.deliveries += slice.deliveries;
    outcome_.bytes += slice.bytes;
    outcome_.handshakes += slice.handshakes;
    outcome_.latency.merge(slice.latency);
  }
  judge_client();
}

void Run::judge_client() {
  if (plan_.spin || outcome_.client.busiest_thread_share < bottleneck_share) return;
  warn(fmt::format(
      "the client was a bottleneck: its busiest thread used {:.0f} % of a core, so latencies are partly its "
      "own: give it more threads or cores, or measure a smaller load",
      100 * outcome_.client.busiest_thread_share));
}

void Run::settle() {
  // What was due in the measured time and is late is not left out.
  if (plan_.publishing.rate > 0 && publisher_ && ends_by_itself_ && !stopping())
    work_until(
        Phase::closing, [&] { return publisher_->schedule_done(); }, settle_patience);
  if (publisher_) on_publisher([](Publisher& publisher) { publisher.stop(); });
  const auto complete = [&] {
    return !publisher_ || (publisher_->in_flight() == 0 && arrived() >= publisher_->expected_deliveries());
  };
  expect_publishing();
  const Clock::duration patience = stopping() ? Clock::duration(std::chrono::seconds(1)) : settle_patience;
  work_while_arriving(Phase::closing, complete, patience);
}

void Run::work_while_arriving(Phase phase, const std::function<bool()>& complete, Clock::duration quiet_max) {
  std::uint64_t before = arrived();
  auto since = Clock::now();
  work_until(
      phase,
      [&] {
        const auto now = Clock::now();
        const std::uint64_t count = arrived();
        if (std::exchange(before, count) != count) since = now;
        return complete() || now - since >= quiet_max;
      },
      arriving_max);
}

// --- The end ---------------------------------------------------------------------------------------------------------

std::vector<std::uint64_t> Run::published_counts() const {
  if (publisher_) return publisher_->published();
  return std::vector<std::uint64_t>(plan_.crowd.topics, plan_.expected_events);
}

void Run::count_faults() {
  const std::vector<std::uint64_t> published = published_counts();
  std::vector<std::vector<SequenceRange>> unacknowledged(plan_.crowd.topics);
  if (publisher_) on_publisher([&](Publisher& publisher) { unacknowledged = publisher.unacknowledged(); });
  crowd_->each([&](CrowdThread& thread) { thread.finish(published); });
  std::unordered_map<unsigned, LossLedger> losses;
  outcome_.topics.resize(plan_.crowd.topics);
  crowd_->each([&](CrowdThread& thread) {
    const Tally& tally = thread.tally();
    for (const auto& [topic, ledger] : tally.losses) losses[topic].merge(ledger);
    for (const auto& [topic, faults] : tally.faults) {
      Faults& sum = outcome_.topics[topic];
      sum.repeated += faults.repeated;
      sum.reordered += faults.reordered;
      sum.malformed += faults.malformed;
      sum.gaps += faults.gaps;
    }
    outcome_.open_time.merge(tally.open_time);
    outcome_.return_late.merge(tally.return_late);
    if (plan_.scenario == Scenario::slow_reader) outcome_.latency.merge(tally.slow_latency);
    outcome_.caught_up.merge(tally.caught_up);
  });
  for (const auto& [topic, ledger] : losses) outcome_.topics[topic].lost = ledger.count(unacknowledged[topic]);
  for (const Faults& faults : outcome_.topics) {
    outcome_.total.lost += faults.lost;
    outcome_.total.repeated += faults.repeated;
    outcome_.total.reordered += faults.reordered;
    outcome_.total.malformed += faults.malformed;
    outcome_.total.gaps += faults.gaps;
  }
}

Outcome Run::finish() {
  ++section_;
  gather();
  if (publisher_) on_publisher([](Publisher& publisher) { publisher.stop(); });
  const CrowdTotals totals = crowd_->totals();
  outcome_.reconnects = totals.reconnects;
  outcome_.ended = totals.ended;
  outcome_.closed_for_good = totals.closed_for_good;
  if (publisher_) {
    outcome_.refused_publishes = publisher_->refused();
    on_publisher([&](Publisher& publisher) {
      if (outcome_.refused_publishes != 0 && publisher_failure_matters())
        fail(fmt::format("{} publishes failed, the first: {}", outcome_.refused_publishes, publisher.failure()));
      publisher.close();
    });
  }
  count_faults();
  // Ctrl-C before the measured time began: a run of nothing is not a clean one.
  if (outcome_.interrupted && outcome_.deliveries + outcome_.handshakes == 0 && outcome_.seconds < nothing_seconds) {
    outcome_.seconds = 0;
    fail("interrupted before anything was measured");
  }
  for (ServerProcess& server : servers_) {
    outcome_.servers.push_back(server.figures());
    if (server.gone())
      warn(
          fmt::format("server process {} ended during the run: its figures are those of until then, and a process that "
                      "took its place was not measured",
                      server.figures().pid));
  }
  outcome_.bins = timeline_.bins();
  crowd_->close(close_patience);
  if (publish_thread_) {
    const auto deadline = Clock::now() + close_patience;
    for (bool closed = false; !closed && Clock::now() < deadline;) {
      on_publisher([&](Publisher& publisher) { closed = publisher.closed(); });
      if (!closed) loop_.run_for(milliseconds(5));
    }
    publish_thread_->end();
  }
  return std::move(outcome_);
}

bool Run::publisher_failure_matters() const {
  return plan_.scenario != Scenario::storm && plan_.scenario != Scenario::drain && plan_.scenario != Scenario::ramp;
}

}  // namespace sluice::bench
