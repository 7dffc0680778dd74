#include "gateway/source/nats_handover.h"

#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

namespace sluice::source {
namespace {

using namespace std::chrono_literals;

struct Loop {
  std::mutex mutex;
  std::vector<std::function<void()>> calls;
  NatsHandover handover{[this](std::function<void()> call) {
    const std::lock_guard lock(mutex);
    calls.push_back(std::move(call));
  }};
  void run() {
    std::vector<std::function<void()>> taken;
    {
      const std::lock_guard lock(mutex);
      taken.swap(calls);
    }
    for (const auto& call : taken) call();
  }
};

constexpr std::size_t large = 3UL * 1024 * 1024;

TEST_CASE("what is handed over runs on the loop in its order") {
  Loop loop;
  std::vector<int> ran;
  std::thread([&] {
    for (int number = 0; number != 100; ++number)
      CHECK(loop.handover.put(10, [&ran, number](topic::TimePoint) { ran.push_back(number); }));
    loop.handover.answer([&ran](topic::TimePoint) { ran.push_back(100); });
  }).join();
  CHECK(ran.empty());
  loop.run();
  REQUIRE(ran.size() == 101);
  for (int number = 0; number != 101; ++number) CHECK(ran[static_cast<std::size_t>(number)] == number);
}

TEST_CASE("a thread waits while the loop is behind, and while the source is paused") {
  Loop loop;
  std::atomic<int> handed = 0;
  const auto put = [&] {
    return std::async(std::launch::async, [&] {
      const bool taken = loop.handover.put(large, [](topic::TimePoint) {});
      ++handed;
      return taken;
    });
  };
  CHECK(put().get());
  CHECK(put().get());  // below the bound when it came
  auto third = put();
  CHECK(third.wait_for(50ms) == std::future_status::timeout);
  loop.run();
  CHECK(third.get());

  loop.run();
  loop.handover.pause();
  auto paused = put();
  CHECK(paused.wait_for(50ms) == std::future_status::timeout);
  loop.handover.go_on();
  CHECK(paused.get());
  CHECK_FALSE(loop.handover.wait_while_paused());
  CHECK(handed == 4);
}

TEST_CASE("stopping wakes who waits, and what is handed over does not run any more") {
  Loop loop;
  bool ran = false;
  CHECK(loop.handover.put(1, [&ran](topic::TimePoint) { ran = true; }));
  loop.handover.pause();
  auto waiting = std::async(std::launch::async, [&] { return loop.handover.put(1, [](topic::TimePoint) {}); });
  auto asleep = std::async(std::launch::async, [&] { return loop.handover.sleep(1h); });
  loop.handover.stop();
  CHECK_FALSE(waiting.get());
  CHECK_FALSE(asleep.get());
  CHECK(loop.handover.stopped());
  loop.run();
  CHECK_FALSE(ran);
}

}  // namespace
}  // namespace sluice::source
