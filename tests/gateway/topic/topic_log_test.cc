#include "gateway/topic/topic_log.h"

#include <doctest/doctest.h>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Listener;
using tests::make_entry;
using topic::Offset;
using topic::Sequence;
using topic::TopicLog;

TEST_CASE("a log holds what is appended, through growth and trimming, with stable offsets") {
  TopicLog log("s/a", 10);
  CHECK(log.evicted_through() == 10);
  Sequence sequence = 10;
  for (Offset offset = 0; offset != 1000; ++offset) {
    log.append(make_entry(++sequence));
    if (offset % 3 == 2) log.trim(log.sequence_at(log.first()));  // so that the ring wraps at every size
    CHECK(log.head() == offset + 1);
    for (Offset held = log.first(); held != log.head(); ++held) {
      REQUIRE(log.sequence_at(held) == 11 + held);
      REQUIRE(log.at(held).sequence() == 11 + held);
    }
  }
  CHECK(log.first() == 333);
  CHECK(log.evicted_through() == 10 + 333);
}

TEST_CASE("a log knows the memory and the wire bytes that it holds") {
  TopicLog log("s/a");
  std::size_t footprint = 0, bytes = 0;
  for (Sequence sequence = 1; sequence <= 20; ++sequence) {
    const auto entry = make_entry(sequence, std::string(sequence, 'x'));
    footprint += entry->footprint();
    bytes += entry->size();
    log.append(entry);
  }
  CHECK(log.footprint() == footprint);
  CHECK(log.bytes_from(0) == bytes);
  CHECK(log.bytes_from(20) == 0);
  CHECK(log.bytes_from(19) == log.at(19).size());
  const std::size_t last = log.at(19).footprint();
  log.trim(19);
  CHECK(log.footprint() == last);
  CHECK(log.bytes_from(19) == log.at(19).size());
}

TEST_CASE("trimming everything leaves an empty log that goes on") {
  TopicLog log("s/a");
  log.append(make_entry(3));
  log.trim(100);
  CHECK(log.count() == 0);
  CHECK(log.footprint() == 0);
  CHECK(log.evicted_through() == 3);  // what was here, not what was asked
  CHECK(log.bytes_from(log.head()) == 0);
  log.append(make_entry(4));
  CHECK(log.first() == 1);
  CHECK(log.at(1).sequence() == 4);
}

TEST_CASE("after() finds where a position continues, also between the entries and beyond them") {
  TopicLog log("s/a");
  CHECK(log.after(5) == 0);
  for (const Sequence sequence : {2, 4, 6, 8, 10}) log.append(make_entry(sequence));
  log.trim(2);
  const Offset expected[] = {1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 5};
  for (Sequence sequence = 0; sequence != 13; ++sequence) {
    CAPTURE(sequence);
    CHECK(log.after(sequence) == expected[sequence]);
  }
}

TEST_CASE("subscribers leave in any order, and only those who stay are woken") {
  TopicLog log("s/a");
  Listener listeners[4];
  std::uint32_t places[4];
  for (int index = 0; index != 4; ++index) log.add(listeners[index], places[index]);
  log.remove(places[1]);
  log.remove(places[3]);
  CHECK(log.subscriber_count() == 2);
  CHECK(log.mark_touched());
  CHECK_FALSE(log.mark_touched());  // once per turn
  log.wake_subscribers({});
  CHECK(log.mark_touched());
  CHECK(listeners[0].touched == 1);
  CHECK(listeners[1].touched == 0);
  CHECK(listeners[2].touched == 1);
  CHECK(listeners[3].touched == 0);
  log.remove(places[2]);
  log.remove(places[0]);
  CHECK(log.subscriber_count() == 0);
}
