#include "gateway/topic/mailbox.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace sluice::topic;

namespace {
Message numbered(TopicIndex sender, Sequence number) {
  Message message;
  message.topic = sender;
  message.sequence = number;
  return message;
}
}  // namespace

TEST_CASE("a worker is woken by the first batch only, and gets all of them in order") {
  Mailbox mailbox(100);
  std::vector<Message> batch;
  batch.push_back(numbered(1, 1));
  CHECK(mailbox.put(batch, 60));
  CHECK(batch.empty());
  batch.push_back(numbered(1, 2));
  CHECK_FALSE(mailbox.put(batch, 60));
  CHECK(mailbox.bytes() == 120);
  CHECK(mailbox.full());
  std::vector<Message> taken(3);
  mailbox.take(taken);
  REQUIRE(taken.size() == 2);
  CHECK(taken[0].sequence == 1);
  CHECK(taken[1].sequence == 2);
  CHECK(mailbox.bytes() == 0);
  CHECK_FALSE(mailbox.full());
  batch.push_back(numbered(1, 3));
  CHECK(mailbox.put(batch, 0));
}

TEST_CASE("messages of one sender stay in order while several send") {
  Mailbox mailbox(1 << 20);
  constexpr Sequence count = 2000;
  std::vector<std::thread> senders;
  for (TopicIndex sender = 0; sender != 3; ++sender)
    senders.emplace_back([&mailbox, sender] {
      std::vector<Message> batch;
      for (Sequence number = 1; number <= count; ++number) {
        batch.push_back(numbered(sender, number));
        if (number % 7 == 0 || number == count) (void)mailbox.put(batch, 1);
      }
    });
  std::vector<Sequence> seen(3);
  std::vector<Message> taken;
  while (seen[0] + seen[1] + seen[2] != 3 * count) {
    mailbox.take(taken);
    for (const Message& message : taken) REQUIRE(message.sequence == ++seen[message.topic]);
    std::this_thread::yield();
  }
  for (std::thread& sender : senders) sender.join();
}

TEST_CASE("a topic is either joined or removed, never both") {
  SharedTopic topic;
  CHECK(topic.join());
  CHECK_FALSE(topic.try_remove());
  topic.leave();
  CHECK(topic.try_remove());
  CHECK_FALSE(topic.join());
}
