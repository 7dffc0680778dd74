#include "bench/publisher.h"

#include <boost/asio/post.hpp>
#include <cmath>

#include "bench/command_sink.h"

namespace sluice::bench {
namespace {

// Behind schedule, so many batches are made before the loop gets its turn.
constexpr int batches_per_turn = 64;

}  // namespace

Publisher::Publisher(boost::asio::io_context& loop, const CrowdSetup& setup, const HttpSink::Place& http,
                     Surroundings surroundings)
    : setup_(setup),
      publishing_(setup.plan.publishing),
      surroundings_(std::move(surroundings)),
      timer_(loop),
      recorder_(setup.bin_ns),
      rate_(publishing_.rate),
      unacknowledged_(setup.plan.crowd.topics) {
  PublishVisitor& visitor = *this;
  if (publishing_.kind == Publishing::Kind::command)
    sink_ = std::make_unique<CommandSink>(loop, publishing_, visitor);
  else
    sink_ = std::make_unique<HttpSink>(loop, setup.plan, http, visitor);
}

void Publisher::start(std::chrono::steady_clock::time_point from) {
  running_ = true;
  if (rate_ > 0) {
    from_ = from;
    publish_due();
  } else {
    const unsigned at_once = publishing_.one_at_a_time ? 1 : publishing_.in_flight;
    for (unsigned i = 0; i < at_once; ++i) publish(setup_.clock.now());
  }
}

void Publisher::stop() {
  running_ = false;
  schedule_done_ = true;
  timer_.cancel();
}

void Publisher::set_rate(double events_per_second) {
  rate_ = events_per_second;
  if (!running_) return;
  from_ = std::chrono::steady_clock::now();
  scheduled_ = 0;
  publish_due();
}

std::chrono::steady_clock::time_point Publisher::next_due() const {
  const double passed_ns = 1e9 * static_cast<double>(scheduled_) * publishing_.batch / rate_;
  return from_ + std::chrono::nanoseconds(std::llround(passed_ns));
}

void Publisher::publish_due() {
  auto due = next_due();
  for (int i = 0; i < batches_per_turn && due < end_ && due <= std::chrono::steady_clock::now(); ++i) {
    publish(setup_.clock.since(due));
    ++scheduled_;
    due = next_due();
  }
  if (due >= end_) return stop();
  timer_.expires_at(due);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && running_) publish_due();
  });
}

void Publisher::publish(std::uint64_t scheduled) {
  const unsigned topic = topic_;
  topic_ = (topic_ + 1) % setup_.plan.crowd.topics;
  std::atomic<std::uint64_t>& published = surroundings_.published[topic];
  const std::uint64_t first = published.load(std::memory_order_relaxed);
  const Batch batch{topic, {first, first + publishing_.batch}, count_.value(), scheduled};
  published.store(batch.sequences.to, std::memory_order_release);
  count_.add(publishing_.batch);
  in_flight_.add(1);
  expected_.add(publishing_.batch * surroundings_.streams_on(topic));
  reach_now();
  recorder_.slice().published += publishing_.batch;
  sink_->send(batch);
}

void Publisher::on_published(const Batch& batch, const std::string& failure) {
  in_flight_.subtract(1);
  if (failure.empty()) {
    acknowledged_.add(batch.sequences.to - batch.sequences.from);
  } else {
    if (failure_.empty()) failure_ = failure;
    unacknowledged_[batch.topic].push_back(batch.sequences);
    const std::uint64_t events = batch.sequences.to - batch.sequences.from;
    expected_.subtract(events * surroundings_.streams_on(batch.topic));
    recorder_.slice().refused_publishes += events;
    refused_.add(events);
    if (setup_.on_change) setup_.on_change();
  }
  if (!running_ || rate_ > 0) return;
  if (publishing_.one_at_a_time)
    proceed();
  else
    publish(setup_.clock.now());
}

void Publisher::proceed() {
  if (!running_ || !publishing_.one_at_a_time || rate_ > 0 || in_flight_.value() != 0) return;
  if (surroundings_.arrived() >= expected_.value()) return publish(setup_.clock.now());
  if (!surroundings_.looks_itself || look_posted_) return;
  look_posted_ = true;
  boost::asio::post(timer_.get_executor(), [this] {
    look_posted_ = false;
    proceed();
  });
}

std::vector<std::vector<SequenceRange>> Publisher::unacknowledged() const {
  std::vector<std::vector<SequenceRange>> ranges;
  for (const auto& each : unacknowledged_) ranges.push_back(joined(each));
  return ranges;
}

std::vector<std::uint64_t> Publisher::published() const {
  std::vector<std::uint64_t> counts;
  for (unsigned topic = 0; topic < setup_.plan.crowd.topics; ++topic)
    counts.push_back(surroundings_.published[topic].load(std::memory_order_acquire));
  return counts;
}

}  // namespace sluice::bench
