#include "gateway/topic/merge.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Listener;
using tests::Replicas;
using topic::Merge;

namespace {

void add(Merge& merge, Replicas& replicas, const std::string& name, topic::Sequence after,
         std::optional<topic::GapReason> gap = {}) {
  topic::TopicLog* log = replicas.topics[0]->join(name);
  REQUIRE(log != nullptr);
  tests::add_topic(merge, *replicas.topics[0], *log, {.next = log->after(after), .after = after, .gap = gap},
                   replicas.position(after));
}

std::string render_all(Merge& merge, std::size_t room) {
  std::string text;
  while (merge.pending()) {
    ByteBuffer out;
    merge.render(room, out);
    CHECK(out.size() != 0);
    CHECK(out.size() <= room);
    text += out.text();
    CHECK(merge.at_boundary() == text.ends_with("\n\n"));
  }
  return text;
}

std::string event(const std::string& id, const char* data) { return "id: " + id + "\ndata: " + data + "\n\n"; }

}  // namespace

TEST_CASE("topics of one source come in the source's order, each event with its own id, whatever the room") {
  Replicas replicas;
  std::string expected;
  const char* names[] = {"s/a", "s/b", "s/c"};
  for (int number = 0; number != 7; ++number) {
    const auto sequence = replicas.append(names[number * number % 3], "x");
    expected += event(replicas.position(sequence), "x");
  }
  (void)replicas.home->open("s/c", replicas.now);
  for (std::size_t room = 1; room <= expected.size(); ++room) {
    Listener listener;
    Merge merge(listener);
    for (const char* name : names) add(merge, replicas, name, 0);
    CHECK(render_all(merge, room) == expected);
    CHECK(merge.id() == replicas.position(7));
    merge.leave(replicas.now);
  }
}

TEST_CASE("over several sources an id has a part of each, and events come as they arrived") {
  Replicas s({}, 1, "s"), t({}, 1, "t");
  s.append("s/a", "1");
  t.now += 1ms;
  t.append("t/a", "2");
  s.now += 2ms;
  s.append("s/b", "3");
  const auto id = [&](topic::Sequence in_s, topic::Sequence in_t) {
    return "s=" + s.position(in_s) + ";t=" + t.position(in_t);
  };
  const std::string expected = event(id(1, 0), "1") + event(id(1, 1), "2") + event(id(2, 1), "3");
  for (std::size_t room = 1; room <= expected.size(); ++room) {
    Listener listener;
    Merge merge(listener);
    add(merge, s, "s/a", 0);
    add(merge, s, "s/b", 0);
    add(merge, t, "t/a", 0);
    CHECK(merge.id() == id(0, 0));
    CHECK(render_all(merge, room) == expected);
    merge.leave(s.now);
  }
}

TEST_CASE("a gap comes first, and no id promises what was neither sent nor announced") {
  topic::History history;
  history.entries = 2;
  for (const std::size_t room : {1UL, 7UL, 10'000UL}) {
    Replicas replicas(history);
    replicas.append("s/a", "1");
    replicas.append("s/b", "2");
    Listener listener;
    Merge merge(listener);
    add(merge, replicas, "s/a", 0);
    add(merge, replicas, "s/b", 0);
    replicas.append("s/b", "3");
    replicas.append("s/b", "4");  // 2 is lost
    replicas.append("s/a", "5");
    const auto position = [&](topic::Sequence sequence) { return replicas.position(sequence); };
    // Its id stays before 1, which is still to come.
    const std::string gap = "id: " + position(0) + "\nevent: sluice.gap\ndata: {\"topic\":\"s/b\",\"from\":\"" +
                            position(0) + "\",\"to\":\"" + position(2) +
                            "\",\"count\":1,\"reason\":\"slow_consumer\"}\n\n";
    CHECK(render_all(merge, room) ==
          gap + event(position(1), "1") + event(position(3), "3") + event(position(4), "4") + event(position(5), "5"));
    CHECK(merge.gap_count() == 1);
    merge.leave(replicas.now);
  }
}

TEST_CASE("losses of several topics are announced once, in whatever order: the last id is past them all") {
  topic::History history;
  history.entries = 1;
  Replicas replicas(history);
  for (const char* name : {"s/b", "s/a", "s/b", "s/a", "s/a", "s/b"}) replicas.append(name, "x");
  REQUIRE(replicas.log("s/a").evicted_through() == 4);
  REQUIRE(replicas.log("s/b").evicted_through() == 3);
  for (const auto& names : {std::vector{"s/a", "s/b"}, std::vector{"s/b", "s/a"}}) {
    Listener listener;
    Merge merge(listener);
    const auto resume = [&](const std::string& position) {
      int gaps = 0;
      for (const char* name : names) {
        topic::TopicLog* log = replicas.topics[0]->join(name);
        const auto start =
            tests::start_in(*replicas.topics[0], *log, {.kind = topic::Wish::Kind::position, .position = position});
        gaps += start.gap ? 1 : 0;
        tests::add_topic(merge, *replicas.topics[0], *log, start, position);
      }
      return gaps;
    };
    CHECK(resume(replicas.position(0)) == 2);
    ByteBuffer out;
    while (merge.gap_count() != 2 || !merge.at_boundary()) merge.render(1, out);
    CHECK(out.text().ends_with("\n\n"));
    CHECK(merge.id() == replicas.position(4));
    merge.leave(replicas.now);
    CHECK(resume(merge.id()) == 0);  // cut here, nobody is told again
    merge.leave(replicas.now);
  }
}

TEST_CASE("the id of another opening stays until the loss is announced in every topic") {
  Replicas replicas;
  (void)replicas.home->open("s/a", replicas.now);
  (void)replicas.home->open("s/b", replicas.now);
  Listener listener;
  Merge merge(listener);
  for (const char* name : {"s/a", "s/b"}) {
    topic::TopicLog* log = replicas.topics[0]->join(name);
    tests::add_topic(merge, *replicas.topics[0], *log, {.next = 0, .after = 0, .gap = topic::GapReason::unknown_epoch},
                     "zzzzzz.7");
  }
  const std::string text = render_all(merge, 10'000);
  CHECK(text.starts_with("id: zzzzzz.7\nevent: sluice.gap\ndata: {\"topic\":\"s/a\",\"from\":\"zzzzzz.7\""));
  CHECK(text.find("id: " + replicas.position(0) + "\nevent: sluice.gap\ndata: {\"topic\":\"s/b\"") !=
        std::string::npos);
  CHECK(merge.id() == replicas.position(0));
  merge.leave(replicas.now);
}

TEST_CASE("an event that has begun is finished after a stop, and nothing follows") {
  Replicas replicas;
  replicas.append("s/a", "1");
  replicas.append("s/b", "2");
  Listener listener;
  Merge merge(listener);
  add(merge, replicas, "s/a", 0);
  add(merge, replicas, "s/b", 0);
  ByteBuffer out;
  merge.render(3, out);
  merge.stop();
  CHECK(merge.pending());
  merge.render(1000, out);
  CHECK(out.text() == event(replicas.position(1), "1"));
  CHECK_FALSE(merge.pending());
  CHECK(merge.current_rest() == 0);
  merge.leave(replicas.now);
  CHECK(replicas.log("s/a").subscriber_count() == 0);
}
