#include "gateway/source/mqtt_queue.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

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
  MqttQueue queue(1024 * 1024 * 1024, [&] { ++told; });
  queue.put({.kind = Kind::connected});
  queue.put(message(1));
  queue.put({.kind = Kind::down, .text = "why"});
  CHECK(told == 1);
  CHECK(taken(queue) == "*1*");
  for (int round = 0; round != 2; ++round) {
    queue.put({.topic = "t", .text = std::string(1024 * 1024, 'x')});
    queue.put(message(2));
    CHECK(told == 2);
    bool more = false;
    CHECK(queue.take(more).size() == 1);
    CHECK(more);
    CHECK(queue.take(more).size() == 1);
    CHECK_FALSE(more);
    told = 1;
  }
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

TEST_CASE("a queue that is full for a moment loses nothing") {
  MqttQueue queue(room_of_three, [] {});
  std::thread putting([&] {
    for (int number = 0; number != 9; ++number) queue.put(message(number));
  });
  std::string all;
  for (const auto end = std::chrono::steady_clock::now() + 20s;
       all.size() < 9 && std::chrono::steady_clock::now() < end;)
    all += taken(queue);
  putting.join();
  CHECK(all == "012345678");
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
