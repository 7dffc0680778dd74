#include "gateway/serve/load_watch.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "gateway/observe/log.h"
#include "gateway/observe/process.h"
#include "gateway/serve/worker.h"

namespace sluice::serve {

namespace {

// A loop that runs what is due this late delivers late: what subscribers notice begins here.
constexpr double loop_lag_max_seconds = 0.05;
constexpr unsigned ticks_per_second = 10;
constexpr double memory_full_share = 0.9;     // no stream opens
constexpr double memory_excess_share = 0.95;  // who holds most of it for others is ended
// A crowd that opens makes loops late by itself, and is served sooner than it would be if it were sent away: only what
// is far over its limit counts as late.
constexpr double late_times = 3;

// Shares are handed on by one index (observe does not know load).
static_assert(observe::LoadMetrics::resource_count == load::resource_count);

}  // namespace

std::uint64_t automatic_memory_limit() {
  std::uint64_t bytes =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream file("/sys/fs/cgroup/memory.max");  // bytes, or "max"
  std::uint64_t quota = 0;
  if (file >> quota && quota != 0) bytes = std::min(bytes, quota);
  return bytes / 4 * 3;
}

LoadWatch::LoadWatch(const config::Limits& limits, std::vector<Worker*> workers, load::State& state,
                     observe::LoadMetrics& metrics)
    : limits_(limits),
      workers_(std::move(workers)),
      state_(state),
      metrics_(metrics),
      rate_(static_cast<unsigned>(workers_.size()), limits.accept_rate),
      memory_max_(static_cast<double>(limits.memory != 0 ? limits.memory : automatic_memory_limit())) {
  state_.accept_rate.store(rate_.per_second(), std::memory_order_relaxed);
}

void LoadWatch::measure_room() {
  if (const auto process = observe::read_process()) {
    own_descriptors_ = static_cast<double>(process->open_fds);
    descriptors_max_ = static_cast<double>(process->max_fds);
    state_.connection_room = load::connection_room(limits_.connections, process->open_fds, process->max_fds);
  } else {
    state_.connection_room = {.most = limits_.connections};
  }
  if (state_.connection_room.reason == load::BusyReason::descriptors)
    observe::log_event(observe::Level::info, "fewer connections than limits.connections: descriptors end before",
                       {{"connections", state_.connection_room.most},
                        {"limits.connections", limits_.connections},
                        {"remedy", "raise the hard limit: LimitNOFILE of the service, or ulimit -Hn"}});
}

void LoadWatch::on_tick(std::chrono::steady_clock::time_point now) {
  if (ticks_++ % ticks_per_second == 0) {
    measure_memory();
    learn_rate(now);
  }
  double cpu_seconds = 0, lag = 0, backlog = 0, handshakes = 0, connections = 0;
  std::uint64_t streams = 0;
  for (const Worker* worker : workers_) {
    const WorkerLoad& load = worker->load();
    cpu_seconds += 1e-9 * static_cast<double>(load.cpu_ns.load(std::memory_order_relaxed));
    lag = std::max(lag, 1e-9 * static_cast<double>(load.lag_ns.load(std::memory_order_relaxed)));
    backlog += static_cast<double>(load.backlog_bytes.load(std::memory_order_relaxed));
    handshakes += load.handshakes.load(std::memory_order_relaxed);
    connections += load.connections.load(std::memory_order_relaxed);
    streams += load.streams.load(std::memory_order_relaxed);
  }
  const double passed = std::chrono::duration<double>(now - ticked_).count();
  const double cores = ticked_ == decltype(ticked_){} || passed <= 0 ? 0 : (cpu_seconds - cpu_seconds_) / passed;
  cpu_seconds_ = cpu_seconds;
  ticked_ = now;
  load::Meter::Amounts amounts;
  const auto set = [&amounts](load::Resource resource, double value, double limit) {
    amounts[static_cast<std::size_t>(resource)] = {value, limit};
  };
  set(load::Resource::cpu, cores, static_cast<double>(workers_.size()));
  set(load::Resource::loop_lag, lag, loop_lag_max_seconds);
  set(load::Resource::connections, connections, state_.connection_room.most);
  set(load::Resource::streams, static_cast<double>(streams), limits_.streams);
  set(load::Resource::backlog, backlog, memory_max_ / 4);
  set(load::Resource::memory, memory_bytes_, memory_max_);
  set(load::Resource::handshakes, handshakes, limits_.handshakes);
  set(load::Resource::descriptors, own_descriptors_ + connections, descriptors_max_);
  meter_.take(amounts, now);
  state_.percent.store(meter_.percent(), std::memory_order_relaxed);
  state_.streams.store(streams, std::memory_order_relaxed);
  // Both as it is now and as it has been: one late tick refuses nobody, and what has passed does not either.
  const auto at_limit = [&](load::Resource resource) {
    const load::Meter::Amount& amount = amounts[static_cast<std::size_t>(resource)];
    return amount.value >= late_times * amount.limit && meter_.share(resource) >= 1;
  };
  state_.late.store(at_limit(load::Resource::loop_lag) || at_limit(load::Resource::backlog), std::memory_order_relaxed);
  state_.memory_full.store(memory_bytes_ >= memory_full_share * memory_max_, std::memory_order_relaxed);
  for (std::size_t resource = 0; resource != load::resource_count; ++resource)
    metrics_.shares_percent[resource].set(
        static_cast<std::int64_t>(100 * meter_.share(static_cast<load::Resource>(resource))));
}

void LoadWatch::measure_memory() {
  const double most = memory_excess_share * memory_max_;
  memory_bytes_ = static_cast<double>(observe::read_resident_bytes());
  if (memory_bytes_ >= most) {
    ::malloc_trim(0);  // what is free goes back before anybody is ended for it
    memory_bytes_ = static_cast<double>(observe::read_resident_bytes());
  }
  const std::uint64_t excess = memory_bytes_ >= most ? static_cast<std::uint64_t>(memory_bytes_ - most) + 1 : 0;
  state_.memory_excess.store(excess, std::memory_order_relaxed);
}

void LoadWatch::learn_rate(std::chrono::steady_clock::time_point now) {
  load::ArrivalCosts costs;
  std::uint64_t cpu_ns = 0, sent_bytes = 0;
  for (const Worker* worker : workers_) {
    const WorkerLoad& load = worker->load();
    costs += {.handshake_ns = load.handshake_ns.load(std::memory_order_relaxed),
              .handshakes = load.handshakes_done.load(std::memory_order_relaxed),
              .subscribe_ns = load.subscribe_ns.load(std::memory_order_relaxed),
              .subscribes = load.subscribes.load(std::memory_order_relaxed),
              .replay_bytes = load.replay_bytes.load(std::memory_order_relaxed)};
    cpu_ns += load.cpu_ns.load(std::memory_order_relaxed);
    sent_bytes += load.sent_bytes.load(std::memory_order_relaxed);
  }
  if (learned_ != decltype(learned_){})
    rate_.take(costs, cpu_ns, sent_bytes, std::chrono::duration<double>(now - learned_).count());
  learned_ = now;
  state_.accept_rate.store(rate_.per_second(), std::memory_order_relaxed);
  metrics_.accept_rate.set(static_cast<std::int64_t>(rate_.per_second()));
}

std::string LoadWatch::detail() const {
  return fmt::format("load {:.0f} %: {}; {:.0f} streams a second can come back", meter_.percent(), meter_.reason(),
                     rate_.per_second());
}

}  // namespace sluice::serve
