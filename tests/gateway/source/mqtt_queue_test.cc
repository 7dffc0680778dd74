#include "gateway/source/mqtt_queue.h"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <string>
#include <thread>
#include <utility>

using namespace sluice;
using namespace std::chrono_literals;
using source::MqttNews;
using source::MqttQueue;
using Kind = source::MqttNews::Kind;

namespace {

constexpr std::size_t room_of_three = 3 * (sizeof(MqttNews) + 101) + 50;

MqttNews message(int number) { return {.topic = "t", .text = std::to_string(number) + std::string(99, 'x')}; }

// "0 1 2" of messages, and of other news their kind.
std::string taken(MqttQueue& queue) {
  bool more = true;
  std::string text;
  while (more)
    for (const MqttNews& news : queue.take(more))
      text += news.kind == Kind::message ? news.text.substr(0, 1) : news.kind == Kind::lost ? "-" : "*";
  return text;
}

}  // namespace

TEST_CASE("what is put is taken in its order, and its taker is told once until it has taken all") {
  int told = 0;
  MqttQueue::TimePoint now{1h};
  MqttQueue queue(1024 * 1024 * 1024, [&] { ++told; });
  queue.put({.kind = Kind::connected});
  queue.put(message(1));
  queue.put({.kind = Kind::down, .text = "why"});
  CHECK(told == 1);
  CHECK(taken(queue) == "*1*");
  for (int round = 0; round != 2; ++round) {
    queue.put({.topic = "t", .text = std::string(1024 * 1024, 'x')});
    queue.put(message(2));
    CHECK(told == 1);
    now += 500us;
    CHECK_FALSE(queue.tell(now));
    CHECK_FALSE(queue.tell(now));
    CHECK(told == 2);
    bool more = false;
    CHECK(queue.take(more).size() == 1);
    CHECK(more);
    CHECK(queue.take(more).size() == 1);
    CHECK_FALSE(more);
    told = 1;
  }
}

TEST_CASE("who takes is woken for messages at once, but at most every half millisecond") {
  int told = 0;
  MqttQueue::TimePoint now{1h};
  MqttQueue queue(1024 * 1024, [&] { ++told; });
  CHECK_FALSE(queue.tell(now));
  CHECK(told == 0);  // nothing waits
  for (int millisecond = 0; millisecond != 10; ++millisecond) {
    std::string all;
    for (int number = 0; number != 5; ++number, now += 100us) {
      queue.put(message(number));
      CHECK(queue.tell(now) == (number != 0));
      if (number == 0) all = taken(queue);
    }
    CHECK(told == 2 * millisecond + 1);
    now += 100us;
    CHECK_FALSE(queue.tell(now));
    CHECK(told == 2 * millisecond + 2);
    CHECK(all + taken(queue) == "01234");
    now += 500us;
  }
  queue.put(message(1));
  CHECK_FALSE(queue.tell(now));
  CHECK(taken(queue) == "1");
  queue.put(message(2));
  CHECK(queue.tell(now));
  queue.put({.kind = Kind::down});  // no message waits for it
  CHECK(told == 22);
  CHECK(taken(queue) == "2*");
}

TEST_CASE("a queue that stays full drops messages, says so in their place, and keeps all other news") {
  MqttQueue queue(room_of_three, [] {});
  for (int number = 0; number != 3; ++number) queue.put(message(number));
  const auto begin = std::chrono::steady_clock::now();
  queue.put(message(3));
  CHECK(std::chrono::steady_clock::now() - begin >= 1900ms);
  queue.put(message(4));
  CHECK(std::chrono::steady_clock::now() - begin < 4s);  // waited for once
  queue.put({.kind = Kind::down});
  CHECK(taken(queue) == "012-*");
  queue.put(message(5));
  CHECK(taken(queue) == "5");
  queue.put({.topic = "t", .text = std::string(room_of_three, 'x')});  // one always has room
  CHECK(taken(queue) == "x");
}

TEST_CASE("a queue that is full for a moment loses nothing, and wakes its taker before it waits") {
  std::atomic<int> told = 0;
  MqttQueue queue(room_of_three, [&] { ++told; });
  std::thread putting([&] {
    for (int number = 0; number != 9; ++number) queue.put(message(number));
  });
  std::string all;
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       all.size() < 9 && std::chrono::steady_clock::now() < end;)
    if (told.exchange(0) != 0 || all.size() > 5) all += taken(queue);
  putting.join();
  CHECK(all == "012345678");
}

TEST_CASE("after waits in which the broker may have dropped messages a loss stands behind what it had kept") {
  std::binary_semaphore waits{0};
  bool full = false;
  MqttQueue queue(room_of_three, [&] {
    if (std::exchange(full, false)) waits.release();  // put() tells before it waits
  });
  for (int wait = 0; wait != 5; ++wait) {  // none of 50 ms, unless the machine is slow
    for (int number = 0; number != 3; ++number) queue.put(message(number));
    full = true;
    std::thread putting([&] { queue.put(message(3)); });
    waits.acquire();
    std::this_thread::sleep_for(45ms);  // the wait is what is tested
    std::string all = taken(queue);
    putting.join();
    CHECK(all + taken(queue) == "0123");
  }
  const auto until_noted = [&queue] {
    for (int count = 1; count != 2'000; ++count) {
      queue.put(message(4));
      if (taken(queue) == "4-") return count;
    }
    return 0;
  };
  const int first = until_noted();
  CHECK(first > 900);  // of the messages before, those count that came when 50 ms had passed
  CHECK(first < 1'000);
  CHECK(until_noted() == 1'000);
  queue.caught_up();
  CHECK(taken(queue) == "-");
  queue.caught_up();
  CHECK(taken(queue).empty());
}

TEST_CASE("a queue that is stopped lets nobody wait") {
  MqttQueue queue(room_of_three, [] {});
  for (int number = 0; number != 3; ++number) queue.put(message(number));
  CHECK_FALSE(queue.wait(1ms));
  CHECK_FALSE(queue.stopped());
  std::thread putting([&] { queue.put(message(3)); });
  queue.stop();
  putting.join();
  CHECK(queue.stopped());
  CHECK(queue.wait(1h));
}
