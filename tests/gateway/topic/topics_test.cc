#include "gateway/topic/topics.h"

#include <doctest/doctest.h>

#include <chrono>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Listener;
using tests::Replicas;
using tests::start_in;
using topic::TopicLog;

namespace {
std::vector<topic::Sequence> sequences(const TopicLog& log) {
  std::vector<topic::Sequence> found;
  for (topic::Offset offset = log.first(); offset != log.head(); ++offset) found.push_back(log.sequence_at(offset));
  return found;
}
using Sequences = std::vector<topic::Sequence>;
}  // namespace

TEST_CASE("a pattern matches all that lies below it, and not itself") {
  CHECK(topic::matches("s/a", "s/a"));
  CHECK_FALSE(topic::matches("s/a", "s/a/b"));
  CHECK(topic::matches("s/**", "s/a"));
  CHECK(topic::matches("s/**", "s/a/b"));
  CHECK_FALSE(topic::matches("s/**", "s"));
  CHECK_FALSE(topic::matches("s/**", "s/"));
  CHECK_FALSE(topic::matches("s/a/**", "s/ab"));
}

TEST_CASE("a view holds the entries of its topics in the source's order, also of topics that come later") {
  Replicas replicas;
  replicas.append("s/a", "1");
  replicas.append("s/b", "2");
  replicas.append("s/a", "3");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  CHECK(sequences(view) == Sequences{1, 2, 3});
  replicas.append("s/c", "4");
  replicas.append("s/a", "5");
  CHECK(sequences(view) == Sequences{1, 2, 3, 4, 5});
  CHECK(&replicas.topics[0]->join_view("s/**", replicas.now) == &view);
  replicas.topics[0]->leave(view, replicas.now);
  replicas.topics[0]->leave(view, replicas.now);
}

TEST_CASE("a view begins where none of its topics has lost anything") {
  topic::History history;
  history.entries = 2;
  Replicas replicas(history);
  for (int event = 0; event != 3; ++event) replicas.append("s/a", "x");  // 1 is gone
  replicas.append("s/b", "x");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  CHECK(view.evicted_through() >= 1);
  CHECK(sequences(view) == Sequences{3, 4});  // as many as one topic has: the newest
  CHECK(view.evicted_through() == 2);
  replicas.topics[0]->leave(view, replicas.now);
}

TEST_CASE("a full view loses nothing by time passing alone") {
  topic::History history;
  history.entries = 3;
  Replicas replicas(history);
  for (int event = 0; event != 3; ++event) replicas.append("s/a", "x");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  CHECK(sequences(view) == Sequences{1, 2, 3});
  replicas.topics[0]->expire(replicas.now + 1s);
  CHECK(sequences(view) == Sequences{1, 2, 3});
  replicas.append("s/b", "x");
  CHECK(sequences(view) == Sequences{2, 3, 4});
  replicas.topics[0]->leave(view, replicas.now);
}

TEST_CASE("a view outlives the removal of a topic, and a later one knows what went with it") {
  topic::History history;
  history.age = 10s;
  Replicas replicas(history);
  replicas.append("s/a", "1");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  replicas.now += 61s;
  replicas.home->expire(replicas.now);
  CHECK(replicas.topics[0]->topic_count() == 0);
  replicas.append("s/a", "2");
  CHECK(sequences(view).back() == 2);
  TopicLog& later = replicas.topics[0]->join_view("s/a/**", replicas.now);
  CHECK(later.evicted_through() == 1);
  replicas.topics[0]->leave(view, replicas.now);
  replicas.topics[0]->leave(later, replicas.now);
}

TEST_CASE("a topic that is opened after a loss begins behind it, on every worker") {
  Replicas replicas;
  replicas.append("s/a", "1");
  const std::string before = replicas.position(replicas.home->last());
  replicas.home->lose(topic::GapReason::source_lost, {}, replicas.now);
  (void)replicas.home->open("s/b", replicas.now);
  replicas.deliver(1);
  for (const auto& topics : replicas.topics) {
    const topic::Wish wish{.kind = topic::Wish::Kind::position, .position = before};
    TopicLog* open = topics->join("s/a");
    TopicLog* late = topics->join("s/b");
    CHECK_FALSE(start_in(*topics, *open, wish).gap.has_value());  // its gap stands in the ring
    CHECK(open->count() == 2);
    CHECK(start_in(*topics, *late, wish).gap == topic::GapReason::trimmed);
    CHECK_FALSE(start_in(*topics, *late, {}).gap.has_value());
    TopicLog& view = topics->join_view("s/**", replicas.now);
    CHECK(start_in(*topics, view, wish).gap == topic::GapReason::trimmed);
  }
}

TEST_CASE("a wildcard that matches no open topic is told of a loss once, until something comes") {
  Replicas replicas({}, 1);
  replicas.append("s/a", "1");
  TopicLog& above = replicas.topics[0]->join_view("s/**", replicas.now);
  TopicLog& empty = replicas.topics[0]->join_view("s/x/**", replicas.now);
  for (int time = 0; time != 2; ++time) {
    replicas.home->lose(topic::GapReason::source_lost, {}, replicas.now);
    CHECK(empty.count() == 1);
    CHECK(above.count() == 2U + static_cast<unsigned>(time));  // what its topic was told
  }
  CHECK(empty.at(empty.first()).rest().find("\"topic\":\"s/**\"") != std::string_view::npos);
  replicas.append("s/x/y", "2");
  replicas.home->lose_unopened(topic::GapReason::source_lost, {}, replicas.now);
  CHECK(empty.count() == 2);  // it has a topic now, which its source tells
}

TEST_CASE("an event that was passed over is told to wildcards and to who resumes in a topic opened later") {
  Replicas replicas({}, 1);
  replicas.append("s/a", "1");
  const std::string before = replicas.position(replicas.home->last());
  sluice::topic::Topics& topics = *replicas.topics[0];
  TopicLog& view = topics.join_view("s/**", replicas.now);
  const std::uint64_t appended = replicas.home->appended_count();
  for (std::size_t told = 1; told != 3; ++told) {
    replicas.home->pass_over({}, replicas.now);
    CHECK(view.count() == 1 + told);
    CHECK(view.at(view.head() - 1).rest().find("too_many_topics") != std::string_view::npos);
  }
  CHECK(replicas.home->appended_count() == appended);
  CHECK(topics.join("s/a")->count() == 1);
  (void)replicas.home->open("s/b", replicas.now);
  const topic::Wish wish{.kind = topic::Wish::Kind::position, .position = before};
  CHECK(start_in(topics, *topics.join("s/b"), wish).gap == topic::GapReason::trimmed);
  CHECK_FALSE(start_in(topics, *topics.join("s/a"), wish).gap.has_value());
}

TEST_CASE("a view without subscribers goes after the linger, not before") {
  Replicas replicas;
  replicas.append("s/a", "1");
  TopicLog& view = replicas.topics[0]->join_view("s/**", replicas.now);
  const auto expect_append = [&](bool there) {
    const topic::Offset head = there ? view.head() : 0;
    replicas.append("s/a", "x");
    if (there) CHECK(view.head() == head + 1);
  };
  replicas.topics[0]->leave(view, replicas.now);
  replicas.topics[0]->expire(replicas.now + 60s);
  expect_append(true);
  replicas.topics[0]->expire(replicas.now + 61s);
  expect_append(false);  // a sanitizer would see a use of what is gone
}

TEST_CASE("subscribers are woken once a turn, by appends and by trims, and by nothing else") {
  topic::History history;
  history.age = 10s;
  Replicas replicas(history);
  replicas.append("s/a", "1");
  replicas.append("s/b", "1");
  replicas.topics[0]->wake(replicas.now);
  Listener listener;
  std::uint32_t place = 0;
  TopicLog& log = replicas.log("s/a");
  log.add(listener, place);
  replicas.topics[0]->wake(replicas.now);
  CHECK(listener.touched == 0);
  replicas.append("s/b", "2");
  replicas.topics[0]->wake(replicas.now);
  CHECK(listener.touched == 0);
  replicas.append("s/a", "2");
  replicas.append("s/a", "3");
  replicas.topics[0]->wake(replicas.now);
  CHECK(listener.touched == 1);
  replicas.home->expire(replicas.now + 11s);
  replicas.topics[0]->wake(replicas.now);
  CHECK(listener.touched == 2);
  log.remove(place);
}

TEST_CASE("a worker follows its home message by message, through removal and return of a topic") {
  topic::History history;
  history.age = 10s;
  Replicas replicas(history);
  replicas.append("s/a", "1");
  replicas.now += 61s;
  replicas.home->expire(replicas.now);
  replicas.append("s/a", "2");
  CHECK(replicas.topics[1]->join("s/a") == nullptr);
  replicas.deliver(1, 2);  // create, append
  CHECK(replicas.topics[1]->applied() == 1);
  CHECK(replicas.topics[1]->join("s/a") == nullptr);  // removed meanwhile
  replicas.deliver(1);
  TopicLog* log = replicas.topics[1]->join("s/a");
  REQUIRE(log != nullptr);
  CHECK(sequences(*log) == Sequences{2});
  replicas.topics[1]->leave(*log, replicas.now);
}
