// A publisher that sends again what was not acknowledged, and a process that is killed at random points of the stream:
// nothing is lost, nothing is there twice, nothing is out of order. SLUICE_TEST_SEED=… repeats a run's decisions.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "gateway/source/disk_log.h"
#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using source::DiskAppended;
using source::DiskEntry;
using source::DiskSync;
using source::DiskTime;
using tests::DiskOwner;

namespace {

struct Acknowledged {
  std::uint64_t batch;
  std::uint64_t first;  // sequence
};

// Batch 3 of 2 events: "3.0/2", "3.1/2", filled up to some size; the data is the idempotency key as well.
std::vector<topic::Event> events_of(std::uint64_t batch) {
  const std::uint64_t count = 1 + batch * 7'919 % 20;
  std::vector<topic::Event> events;
  for (std::uint64_t index = 0; index < count; ++index) {
    const std::string name = std::to_string(batch) + '.' + std::to_string(index) + '/' + std::to_string(count);
    events.push_back(tests::event(name + std::string(batch % 7 * 400, ' '), name));
  }
  return events;
}

// The process that will be killed: publishes from `batch` on, and writes each acknowledgement to `out`.
[[noreturn]] void publish_until_killed(const source::DiskOptions& options, std::uint64_t batch, int out) {
  std::atomic<int> waiting = 0;
  source::DiskLog log(options, [](const std::function<void()>& call) { call(); });
  for (;; ++batch) {
    for (int now = waiting; now >= 40; now = waiting) waiting.wait(now);
    ++waiting;
    const bool taken = log.append("notes/" + std::to_string(batch % 3), events_of(batch), DiskTime(1),
                                  [&, batch](DiskAppended&& answer) {
                                    if (answer.kind != DiskAppended::Kind::stored) ::_exit(1);
                                    const Acknowledged acknowledged{batch, answer.places.front().sequence};
                                    if (::write(out, &acknowledged, sizeof acknowledged) != sizeof acknowledged)
                                      ::_exit(2);
                                    --waiting;
                                    waiting.notify_one();
                                  });
    if (!taken) ::_exit(3);
  }
}

// One life: killed after about `count` acknowledgements. Answers all that were given.
std::vector<Acknowledged> run_and_kill(const source::DiskOptions& options, std::uint64_t batch, std::size_t count,
                                       std::chrono::microseconds more) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) publish_until_killed(options, batch, ends[1]);
  ::close(ends[1]);
  std::vector<Acknowledged> all;
  Acknowledged next{};
  while (all.size() < count && ::read(ends[0], &next, sizeof next) == sizeof next) all.push_back(next);
  std::this_thread::sleep_for(more);  // no event tells a random point inside a commit
  ::kill(child, SIGKILL);
  while (::read(ends[0], &next, sizeof next) == sizeof next) all.push_back(next);
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGKILL);
  return all;
}

bool are_at(const std::vector<DiskEntry>& entries, std::size_t index, const std::vector<topic::Event>& events) {
  for (const topic::Event& event : events) {
    if (index == entries.size() || entries[index].sequence != index + 1 || entries[index].event != event) return false;
    ++index;
  }
  return true;
}

std::uint64_t seed() {
  const char* given = std::getenv("SLUICE_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

}  // namespace

TEST_CASE("through kill -9 at random points no acknowledged event is lost, repeated or out of order") {
  const std::uint64_t start = seed();
  MESSAGE("SLUICE_TEST_SEED=" << start);
  std::mt19937_64 random(start);
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  SUBCASE("acknowledged by the disk") { options.sync = DiskSync::disk; }
  SUBCASE("acknowledged by the operating system") { options.sync = DiskSync::process; }

  std::uint64_t next_batch = 1;
  std::size_t count_before = 0;
  for (int life = 0; life < 8; ++life) {
    CAPTURE(life);
    const std::size_t count = random() % 100;
    const auto acknowledged = run_and_kill(options, next_batch, count, std::chrono::microseconds(random() % 3'000));
    owner.open(options);
    CHECK(owner.log->epoch() == options.epoch_candidate);
    const std::vector<DiskEntry> entries = owner.read_all();
    owner.close();

    // Every acknowledgement is true.
    for (const Acknowledged& told : acknowledged) {
      REQUIRE(told.batch == next_batch++);
      const std::vector<topic::Event> events = events_of(told.batch);
      REQUIRE(told.first - 1 + events.size() <= entries.size());
      CHECK(are_at(entries, told.first - 1, events));
    }
    // What is there is batches, whole, each once, in the order of their publishing.
    std::size_t index = 0;
    for (std::uint64_t batch = 1; index < entries.size(); ++batch) {
      const std::vector<topic::Event> events = events_of(batch);
      REQUIRE(are_at(entries, index, events));
      index += events.size();
    }
    // What was there stays there.
    CHECK(entries.size() >= count_before);
    count_before = entries.size();
  }
  CHECK(count_before > 200);
}
