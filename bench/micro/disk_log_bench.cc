// What the disk costs a publish: events per second through the disk log, for batches of 1, 100 and 1,000 events, with
// the disk's word for each commit and with the operating system's. Publishers that wait for each answer, 64 at a time:
// group commit needs more than one, and a batch alone shows the disk.
#include <stdlib.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/source/disk_log.h"

namespace {

using namespace sluice;
using Clock = std::chrono::steady_clock;

// Appends in turn, so many at a time, for a second and a half; the answers come on the log's own thread.
class Publishers {
 public:
  Publishers(source::DiskLog& log, std::size_t count, std::size_t batch)
      : log_(log), count_(count), events_(batch, topic::Event{.data = std::string(100, 'x')}) {}

  // Events per second.
  double run() {
    const Clock::time_point start = Clock::now();
    const Clock::time_point end = start + std::chrono::milliseconds(1'500);
    std::size_t appended = 0;
    for (; Clock::now() < end; appended += events_.size()) {
      await([this] { return waiting_ < count_; });
      append();
    }
    await([this] { return waiting_ == 0; });
    return static_cast<double>(appended) / std::chrono::duration<double>(Clock::now() - start).count();
  }

 private:
  void append() {
    {
      const std::lock_guard lock(mutex_);
      ++waiting_;
    }
    const auto answer = [this](const source::DiskAppended& appended) {
      if (appended.kind != source::DiskAppended::Kind::stored) std::abort();
      const std::lock_guard lock(mutex_);
      --waiting_;
      changed_.notify_one();
    };
    if (!log_.append("bench/a", events_, source::DiskTime(1), answer)) std::abort();
  }
  void await(const std::function<bool()>& holds) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, holds);
  }

  source::DiskLog& log_;
  const std::size_t count_;
  const std::vector<topic::Event> events_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t waiting_ = 0;
};

void measure(source::DiskSync sync, std::size_t publishers, std::size_t batch) {
  std::string folder = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) std::abort();
  std::array<double, 3> rates{};
  double group = 0;
  {
    source::DiskLog log({.path = folder + "/bench.db",
                         .epoch_candidate = proto::Epoch::from_random(1),
                         .sync = sync,
                         .bytes = 64 * 1024 * 1024,
                         .queue_bytes = 64 * 1024 * 1024},
                        [](const std::function<void()>& call) { call(); });
    for (double& rate : rates) rate = Publishers(log, publishers, batch).run();
    const source::DiskStatus status = log.status();
    group = static_cast<double>(status.appended) / static_cast<double>(status.commits);
  }
  std::filesystem::remove_all(folder);
  std::sort(rates.begin(), rates.end());
  std::printf("%-8s%3zu at a time, batches of %5zu %10.0f events/s %8.0f events/commit  %+.0f %%\n",
              sync == source::DiskSync::disk ? "disk" : "process", publishers, batch, rates[1], group,
              (rates[2] / rates[0] - 1) * 100);
  std::fflush(stdout);
}

}  // namespace

int main() {
  for (const source::DiskSync sync : {source::DiskSync::disk, source::DiskSync::process})
    for (const std::size_t publishers : {1U, 64U})
      for (const std::size_t batch : {1U, 100U, 1'000U}) measure(sync, publishers, batch);
}
