// DiskOwner: who owns a disk log in a test: a folder that goes with it, and a queue in which the log's answers wait
// until the test's thread takes them. The gate holds the log's threads at their answers, so that a test decides what
// waits.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/source/disk_log.h"

namespace sluice::tests {

struct TemporaryFolder {
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sluice-disk-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string file(const std::string& name = "notes.db") const { return (path / name).string(); }
  std::filesystem::path path;
};

inline topic::Event event(std::string data, std::string idempotency_key = {}) {
  return {.type = "", .data = std::move(data), .idempotency_key = std::move(idempotency_key)};
}

class DiskOwner {
 public:
  using Kind = source::DiskAppended::Kind;

  source::DiskOptions options(std::uint32_t epoch = 1) const {
    return {.path = folder.file(), .epoch_candidate = proto::Epoch::from_random(epoch)};
  }
  void open() { open(options()); }
  void open(const source::DiskOptions& wanted) {
    log.reset();
    log = std::make_unique<source::DiskLog>(wanted, [this](std::function<void()> call) {
      std::unique_lock lock(mutex_);
      calls_.push_back(std::move(call));
      changed_.notify_all();
      changed_.wait(lock, [this] { return !gate_closed_; });
    });
  }
  // What waits is answered, and the next open() is a restart.
  void close() {
    log.reset();
    while (take()) {
    }
  }

  void close_gate() { set_gate(true); }
  void open_gate() { set_gate(false); }
  // A log's thread stands at the gate with this many answers not taken.
  void await_answers(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, patience, [&] { return calls_.size() >= count; }));
  }
  void await(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      REQUIRE(changed_.wait_for(lock, patience, [this] { return !calls_.empty(); }));
      lock.unlock();
      (void)take();
    }
  }
  // For what has no answer: retention goes its steps.
  void await_status(const std::function<bool(const source::DiskStatus&)>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!holds(log->status())) {
      REQUIRE(std::chrono::steady_clock::now() < deadline);
      std::this_thread::yield();
    }
  }

  // Appends and awaits.
  source::DiskAppended append(std::vector<topic::Event> events, const std::string& topic = "notes/a",
                              source::DiskTime time = source::DiskTime(1'000)) {
    std::optional<source::DiskAppended> answer;
    REQUIRE(log->append(topic, std::move(events), time,
                        [&](source::DiskAppended&& appended) { answer = std::move(appended); }));
    await([&] { return answer.has_value(); });
    return *answer;
  }
  source::DiskPage read(source::DiskQuery query) {
    std::optional<source::DiskPage> answer;
    REQUIRE(log->read(std::move(query), [&](source::DiskPage&& page) { answer = std::move(page); }));
    await([&] { return answer.has_value(); });
    CHECK(answer->problem == "");
    return *answer;
  }
  // All pages to the end.
  std::vector<source::DiskEntry> read_all(const std::vector<std::string>& topics = {}, source::DiskSequence after = 0,
                                          std::size_t entries_max = 1'000) {
    std::vector<source::DiskEntry> all;
    for (bool end = false; !end;) {
      source::DiskPage page = read({.topics = topics, .after = after, .entries_max = entries_max});
      REQUIRE((page.end || page.through > after));
      end = page.end;
      after = page.through;
      for (source::DiskEntry& entry : page.entries) all.push_back(std::move(entry));
    }
    return all;
  }
  std::vector<std::string> data_of(const std::vector<source::DiskEntry>& entries) const {
    std::vector<std::string> data;
    for (const source::DiskEntry& entry : entries) data.push_back(entry.event.data);
    return data;
  }

  TemporaryFolder folder;
  std::unique_ptr<source::DiskLog> log;

 private:
  static constexpr std::chrono::seconds patience{60};

  void set_gate(bool closed) {
    const std::lock_guard lock(mutex_);
    gate_closed_ = closed;
    changed_.notify_all();
  }
  bool take() {
    std::unique_lock lock(mutex_);
    if (calls_.empty()) return false;
    const std::function<void()> call = std::move(calls_.front());
    calls_.pop_front();
    lock.unlock();
    call();
    return true;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> calls_;
  bool gate_closed_ = false;
};

}  // namespace sluice::tests
