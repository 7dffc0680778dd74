#include "bench/crowd_thread.h"

#include <algorithm>

namespace sluice::bench {
namespace {

using std::chrono::nanoseconds;

constexpr unsigned opening_max = 64;  // connections of the whole crowd whose streams are not all open yet
constexpr int asked_each_turn = 256;  // reading goes on between
constexpr std::chrono::milliseconds slow_tick{100};

}  // namespace

CrowdThread::CrowdThread(const CrowdSetup& setup, unsigned index, unsigned count)
    : setup_(setup),
      index_(index),
      count_(count),
      thread_(setup.plan.spin),
      recorder_(setup.bin_ns),
      storm_(tally_),
      check_(setup.check, tally_, recorder_),
      ask_timer_(thread_.loop()),
      open_timer_(thread_.loop()),
      slow_timer_(thread_.loop()) {}

CrowdThread::~CrowdThread() {
  thread_.end();
  closing_ = true;
}

// Once for each turn of the loop: a turn reads one connection, and a clock costs as much as a delivery's check.
std::uint64_t CrowdThread::now() {
  if (!now_stale_) return now_;
  now_stale_ = false;
  now_ = setup_.clock.now();
  recorder_.reach(now_ - setup_.began);
  return now_;
}

void CrowdThread::begin() {
  thread_.around_each_turn([this] { now_stale_ = true; }, after_turn_);
  thread_.begin();
}

void CrowdThread::grow(unsigned connections, bool joins_late) {
  wanted_ = std::max(wanted_, connections / count_ + (index_ < connections % count_ ? 1 : 0));
  join_late_ = joins_late;
  next_open_ = std::chrono::steady_clock::now();
  open_more();
}

void CrowdThread::open_more() {
  const double rate = setup_.plan.crowd.open_rate / count_;
  const unsigned in_progress = std::max(1U, opening_max / count_);
  while (connections_.size() < wanted_ && !closing_) {
    if (rate > 0) {
      if (std::chrono::steady_clock::now() < next_open_) {
        open_timer_.expires_at(next_open_);
        open_timer_.async_wait([this](const boost::system::error_code& error) {
          if (!error) open_more();
        });
        return;
      }
      next_open_ += nanoseconds(static_cast<std::int64_t>(1e9 / rate));
    } else if (connections_.size() >= settled_ + in_progress) {
      return;
    }
    const auto number = index_ + static_cast<unsigned>(connections_.size()) * count_;
    connections_.emplace_back(*this, number, join_late_).open();
  }
}

void CrowdThread::on_settled() {
  ++settled_;
  if (setup_.plan.crowd.open_rate == 0) open_more();
  if (settled_ == wanted_) on_change();
}

void CrowdThread::on_reconnect() {
  ++slice().reconnects;
  tally_.reconnects.add(1);
  storm_.on_reconnect(now());
}

void CrowdThread::on_refusal(const std::string& why) {
  tally_.closed_for_good.add(1);
  const std::scoped_lock lock(trouble_mutex_);
  if (trouble_.refusal.empty()) trouble_.refusal = why;
  on_change();
}

void CrowdThread::on_failed_attempt(const std::string& why, bool hopeless) {
  tally_.failed_attempts.add(1);
  const std::scoped_lock lock(trouble_mutex_);
  if (trouble_.failure.empty() || (hopeless && !trouble_.hopeless))
    trouble_.failure = why.empty() ? "the connection was closed before the stream was answered" : why;
  trouble_.hopeless = trouble_.hopeless || hopeless;
  on_change();
}

CrowdThread::Trouble CrowdThread::trouble() const {
  const std::scoped_lock lock(trouble_mutex_);
  return trouble_;
}

// --- Reconnects ------------------------------------------------------------------------------------------------------

void CrowdThread::ask_later(Subscriber& subscriber, std::chrono::milliseconds time) {
  schedule_.add(now() + static_cast<std::uint64_t>(nanoseconds(time).count()), subscriber);
  arm();
}

void CrowdThread::arm() {
  const auto due = schedule_.next_due();
  if (!due || closing_ || (armed_for_ != 0 && armed_for_ <= *due)) return;
  armed_for_ = *due;
  const std::uint64_t instant = setup_.clock.now();
  ask_timer_.expires_after(nanoseconds(*due > instant ? *due - instant : 0));
  ask_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    armed_for_ = 0;
    ask_due();
  });
}

void CrowdThread::ask_due() {
  for (int i = 0; i < asked_each_turn && !closing_; ++i) {
    const auto due = schedule_.next_due();
    Subscriber* subscriber = schedule_.take_due(now());
    if (subscriber == nullptr) break;
    tally_.return_late.record(now() - *due);
    subscriber->ask();
  }
  arm();
}

// --- Scenarios -------------------------------------------------------------------------------------------------------

void CrowdThread::drop_all() {
  for (CrowdConnection& connection : connections_) connection.close();
}

void CrowdThread::begin_slow_reading() {
  slow_reading_ = true;
  read_a_tenth();
}

void CrowdThread::read_a_tenth() {
  const Plan& plan = setup_.plan;
  slow_allowance_ += plan.slow.bytes_per_second / 10 * plan.crowd.streams;
  const auto bytes = static_cast<std::size_t>(slow_allowance_);
  slow_allowance_ -= static_cast<double>(bytes);
  for (CrowdConnection& connection : connections_)
    if (connection.slow()) connection.limit_reading(bytes);
  slow_timer_.expires_after(slow_tick);
  slow_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error && slow_reading_) read_a_tenth();
  });
}

void CrowdThread::end_slow_reading() {
  slow_timer_.cancel();
  slow_reading_ = false;
  for (CrowdConnection& connection : connections_)
    if (connection.slow()) connection.limit_reading(~std::size_t{0});
}

void CrowdThread::close() {
  closing_ = true;
  ask_timer_.cancel();
  open_timer_.cancel();
  slow_timer_.cancel();
  for (CrowdConnection& connection : connections_) connection.close();
}

bool CrowdThread::all_closed() const {
  return std::ranges::all_of(connections_, [](const CrowdConnection& connection) { return connection.idle(); });
}

void CrowdThread::finish(const std::vector<std::uint64_t>& published) {
  for (CrowdConnection& connection : connections_) connection.finish(published);
}

}  // namespace sluice::bench
