#include "gateway/source/kafka_thread.h"

#include <doctest/doctest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;
using sluice::source::KafkaThread;

namespace {

// The loop of a home worker, which runs what was posted when the test says so.
struct Loop {
  void post(std::function<void()> call) {
    const std::lock_guard lock(mutex);
    posted.push_back(std::move(call));
    changed.notify_all();
  }
  void run(std::size_t count) {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, 10s, [&] { return posted.size() >= count; }));
    const auto calls = std::move(posted);
    posted.clear();
    lock.unlock();
    for (const auto& call : calls) call();
  }
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::function<void()>> posted;
};

}  // namespace

TEST_CASE("calls that block run in their order, and what they found comes to the loop in theirs") {
  Loop loop;
  std::vector<int> found;
  KafkaThread thread([&](std::function<void()> call) { loop.post(std::move(call)); });
  for (int number = 0; number != 20; ++number)
    thread.ask([&, number] { thread.answer([&found, number] { found.push_back(number); }); });
  while (found.size() != 20) loop.run(1);
  for (int number = 0; number != 20; ++number) CHECK(found[static_cast<std::size_t>(number)] == number);
}

TEST_CASE("once it is stopped no call runs, no answer comes, and nobody sleeps on") {
  Loop loop;
  bool slept = false, answered = false, ran = false;
  KafkaThread thread([&](std::function<void()> call) { loop.post(std::move(call)); });
  thread.ask([&] {
    thread.answer([&] { answered = true; });
    slept = thread.sleep(1h);
  });
  thread.ask([&] { ran = true; });
  {
    std::unique_lock lock(loop.mutex);
    REQUIRE(loop.changed.wait_for(lock, 10s, [&] { return !loop.posted.empty(); }));
  }
  thread.stop();
  loop.run(1);
  CHECK_FALSE(slept);
  CHECK_FALSE(answered);
  CHECK_FALSE(ran);
  thread.ask([&] { ran = true; });
  CHECK_FALSE(ran);
}
