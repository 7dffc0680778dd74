#include "gateway/serve/gateway.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <string>

#include "gateway/observe/log.h"

namespace sluice::serve {

namespace {
// After the last connection's moment, peers have this long for their round trip.
constexpr std::chrono::seconds goodbye_time{3};
constexpr std::chrono::milliseconds empty_check_interval{20};
constexpr std::chrono::seconds progress_interval{1};
}  // namespace

unsigned automatic_worker_count() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned count = ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
  std::ifstream quota_file("/sys/fs/cgroup/cpu.max");  // "200000 100000", or "max 100000"
  std::string quota;
  double period = 0;
  if (quota_file >> quota >> period && quota != "max" && period > 0)
    count = std::min(count, static_cast<unsigned>(std::ceil(std::stod(quota) / period)));
  return std::max(count, 1U);
}

Gateway::Gateway(const config::Config& config, const proto::TlsContext& context)
    : config_(config),
      rules_(config),
      metrics_(config.workers != 0 ? config.workers : automatic_worker_count()),
      workers_([&] {
        std::vector<std::unique_ptr<Worker>> workers;
        for (unsigned index = 0; index != metrics_.workers().size(); ++index)
          workers.push_back(std::make_unique<Worker>(index, config_, rules_, metrics_.worker(index), load_state_));
        return workers;
      }()),
      load_watch_([&] {
        std::vector<Worker*> workers;
        for (const auto& worker : workers_) workers.push_back(worker.get());
        return std::make_unique<LoadWatch>(config_.limits, std::move(workers), load_state_, metrics_.load());
      }()),
      admin_(metrics_, ready_, *load_watch_),
      signals_(workers_.front()->io(), SIGTERM, SIGINT, SIGHUP),
      timer_(workers_.front()->io()) {
  std::vector<Worker*> all;
  for (const auto& worker : workers_) all.push_back(worker.get());
  for (const auto& worker : workers_) worker->connect(all);
  all.front()->set_load_watch(*load_watch_);
  listener_ = std::make_unique<Listener>(config.listen, all, config.limits, context, nullptr);
  if (config.admin) admin_listener_ = std::make_unique<Listener>(*config.admin, all, config.limits, context, &admin_);
}

Gateway::~Gateway() = default;

void Gateway::run() {
  load_watch_->measure_room();
  listener_->start();
  if (admin_listener_) admin_listener_->start();
  await_signal();
  for (std::size_t index = 1; index != workers_.size(); ++index) {
    threads_.emplace_back([worker = workers_[index].get()] { worker->run(); });
    // For top and perf, which tell threads apart by their names. The first worker is the process's own.
    const std::string name = "worker " + std::to_string(index);
    ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
  }
  workers_.front()->run();
  for (std::thread& thread : threads_) thread.join();
}

void Gateway::await_signal() {
  signals_.async_wait([this](const boost::system::error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    await_signal();
  });
}

void Gateway::on_signal(int signal) {
  if (signal == SIGHUP) {
    observe::log_event(observe::Level::warning, "HUP ignored: a reload needs a restart in this version");
    return;
  }
  switch (++signal_count_) {
    case 1:
      return begin_drain();
    case 2:
      observe::log_event(observe::Level::warning, "second signal: ending every connection now");
      timer_.cancel();
      return drain_connections(std::chrono::milliseconds(0));
    default:
      ::_exit(1);
  }
}

void Gateway::begin_drain() {
  std::uint64_t streams = 0;
  for (const auto& worker : workers_) streams += worker->load().streams.load(std::memory_order_relaxed);
  observe::log_event(observe::Level::info, "draining",
                     {{"streams", streams},
                      {"delay_ms", config_.drain_delay.count()},
                      {"duration_ms", config_.drain_duration.count()}});
  ready_ = false;  // a balancer that polls /readyz sends no more; we still accept for drain.delay
  timer_.expires_after(config_.drain_delay);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) drain_connections(config_.drain_duration);
  });
}

void Gateway::drain_connections(std::chrono::milliseconds duration) {
  ready_ = false;
  listener_->stop();
  if (admin_listener_) admin_listener_->stop();
  for (const auto& worker : workers_) worker->post([worker = worker.get(), duration] { worker->drain(duration); });
  connections_end_ = std::chrono::steady_clock::now() + duration + goodbye_time;
  progress_due_ = std::chrono::steady_clock::now() + progress_interval;
  await_empty();
}

void Gateway::await_empty() {
  timer_.expires_after(empty_check_interval);
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    std::uint32_t connections = 0;
    for (const auto& worker : workers_) connections += worker->load().connections.load(std::memory_order_relaxed);
    const auto now = std::chrono::steady_clock::now();
    if (connections != 0 && now < *connections_end_) {
      if (now >= progress_due_) {
        progress_due_ = now + progress_interval;
        observe::log_event(observe::Level::info, "draining", {{"connections_left", connections}});
      }
      return await_empty();
    }
    observe::log_event(observe::Level::info, "stopped", {{"connections_left", connections}});
    signals_.cancel();
    for (const auto& worker : workers_) worker->post([worker = worker.get()] { worker->stop(); });
  });
}

}  // namespace sluice::serve
