#include "gateway/topic/cursor.h"

#include <doctest/doctest.h>

#include <string>

#include "gateway/topic/gap.h"
#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Listener;
using tests::make_entry;
using topic::Cursor;
using topic::TopicLog;

namespace {

std::string read(Cursor& cursor, std::size_t size) {
  std::string text(size, '\0');
  cursor.read({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  return text;
}

struct Reader {
  explicit Reader(TopicLog& log, topic::Offset next = 0) { cursor.join(log, next, 0, listener); }
  ~Reader() { cursor.leave(); }
  Listener listener;
  Cursor cursor;
};

}  // namespace

TEST_CASE("a cursor gives the same bytes whatever the room, and stands at a boundary only between entries") {
  TopicLog log("s/a");
  std::string all;
  for (topic::Sequence sequence = 1; sequence <= 4; ++sequence) {
    log.append(make_entry(sequence, std::string(sequence * 3, 'x')));
    all += log.at(log.head() - 1).bytes();
  }
  for (std::size_t room = 1; room <= all.size(); ++room) {
    Reader reader(log);
    std::string text;
    while (const auto pending = reader.cursor.pending()) {
      CHECK(pending == all.size() - text.size());
      text += read(reader.cursor, std::min<std::size_t>(room, pending));
      CHECK(reader.cursor.at_boundary() == text.ends_with("\n\n"));
    }
    CHECK(text == all);
    CHECK(reader.cursor.at_head());
    CHECK(reader.cursor.sequence() == 4);
    CHECK(reader.cursor.lag() == 0);
  }
}

TEST_CASE("of losses at one position only the last is sent with its id, whatever the room") {
  TopicLog log("s/**");
  const auto append = [&](topic::Sequence sequence, std::string_view position, std::string_view type) {
    log.append(topic::Entry::make(
        {.position = position, .type = type, .data = "x", .sequence = sequence, .arrived = tests::epoch_of_tests}));
  };
  append(1, "5-0", "");
  append(2, "9-0", topic::gap_event);
  append(3, "9-0", topic::gap_event);
  append(4, "9-1", "");
  const std::string gap = "event: sluice.gap\ndata: x\n\n";
  const std::string all = "id: 5-0\ndata: x\n\n" + gap + "id: 9-0\n" + gap + "id: 9-1\ndata: x\n\n";
  for (std::size_t room = 1; room <= all.size(); ++room) {
    Reader reader(log);
    std::string text;
    while (const auto pending = reader.cursor.pending()) {
      CHECK(pending == all.size() - text.size());
      text += read(reader.cursor, std::min<std::size_t>(room, pending));
    }
    CHECK(text == all);
  }
  CHECK(log.position_before(2) == "5-0");  // who falls behind there has still to be told of both
  CHECK(log.position_before(3) == "9-0");
}

TEST_CASE(
    "who has had only the first of two losses at one position falls behind before both, whenever they are trimmed") {
  TopicLog log("s/**", 0, "3-0", true);
  Reader reader(log);
  log.append(topic::Entry::make({.position = "5-0", .data = "x", .sequence = 1}));
  for (topic::Sequence sequence = 2; sequence <= 3; ++sequence)
    log.append(topic::Entry::make({.position = "9-0", .type = topic::gap_event, .data = "x", .sequence = sequence}));
  log.trim(2);
  log.wake_subscribers({});
  CHECK(log.position_before(2) == "5-0");
  log.trim(3);
  CHECK(log.position_before(2) == "5-0");
  CHECK(log.evicted_position() == "9-0");
  log.wake_subscribers({});
  CHECK(log.position_before(3) == "9-0");
}

TEST_CASE("a topic that was asked for before its source knew its end begins there, also for who falls behind at once") {
  TopicLog log("s", 0, "", true);
  log.restart(0, "7-0");
  Reader reader(log);
  log.append(topic::Entry::make({.position = "8-0", .type = {}, .data = "x", .sequence = 1, .arrived = {}}));
  log.trim(1);
  CHECK(log.position_before(0) == "7-0");
}

TEST_CASE("who stands where its source began anew falls behind at the old place, whenever that loss is trimmed") {
  TopicLog log("s/a", 0, "3-0", true);
  Reader reader(log);
  log.append(topic::Entry::make({.position = "5-0", .data = "x", .sequence = 1}));
  log.restart(1, "0-9");
  log.append(topic::Entry::make({.position = "0-9", .type = topic::gap_event, .data = "x", .sequence = 2}));
  log.wake_subscribers({});
  CHECK(log.evicted_position() == "0-9");
  CHECK(log.position_before(1) == "5-0");
  log.trim(2);
  CHECK(log.position_before(1) == "5-0");
}

TEST_CASE("an event that was cut by a window is finished although retention took it, then the gap is seen") {
  TopicLog log("s/a");
  for (topic::Sequence sequence = 1; sequence <= 5; ++sequence) log.append(make_entry(sequence));
  const std::string second(log.at(1).bytes());
  Reader reader(log);
  const std::size_t size = log.at(0).size() + 5;
  CHECK(read(reader.cursor, size).size() == size);
  CHECK(reader.cursor.sequence() == 1);
  log.trim(4);
  CHECK(reader.cursor.has_gap());
  CHECK_FALSE(reader.cursor.at_boundary());
  CHECK(reader.cursor.pending() == second.size() - 5);
  CHECK(read(reader.cursor, second.size() - 5) == second.substr(5));
  CHECK(reader.cursor.sequence() == 2);
  CHECK(reader.cursor.at_boundary());
  CHECK(reader.cursor.skip_gap() == 2);  // 3 and 4
  CHECK(reader.cursor.sequence() == 4);
  CHECK(read(reader.cursor, reader.cursor.pending()) == log.at(4).bytes());
}

TEST_CASE("a cursor whose whole log was trimmed has a gap, then waits at the head") {
  TopicLog log("s/a");
  log.append(make_entry(1));
  Reader reader(log);
  log.trim(1);
  CHECK(reader.cursor.pending() == 0);
  CHECK(reader.cursor.skip_gap() == 1);
  CHECK(reader.cursor.at_head());
  log.append(make_entry(2));
  CHECK(reader.cursor.pending() == log.at(1).size());
}
