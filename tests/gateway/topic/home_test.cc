#include "gateway/topic/home.h"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Replicas;
using topic::History;

TEST_CASE("events get one order over all topics of the source, and the position says it") {
  Replicas replicas;
  CHECK(replicas.append("s/a", "1") == 1);
  CHECK(replicas.append("s/b", "2") == 2);
  CHECK(replicas.append("s/a", "3") == 3);
  CHECK(replicas.log("s/a").at(1).position() == replicas.position(3));
  CHECK(replicas.home->last() == 3);
  CHECK(replicas.home->last() == 3);
}

TEST_CASE("a topic keeps at most so many events") {
  History history;
  history.entries = 3;
  Replicas replicas(history);
  for (int event = 0; event != 10; ++event) replicas.append("s/a", "x");
  CHECK(replicas.log("s/a").count() == 3);
  CHECK(replicas.log("s/a").evicted_through() == 7);
  CHECK(replicas.home->evicted_count() == 7);
  replicas.deliver(1);
  CHECK(replicas.topics[1]->entry_count() == 3);
  CHECK(replicas.topics[1]->footprint() == replicas.topics[0]->footprint());
}

TEST_CASE("a topic keeps at most so many bytes, but always the newest event") {
  History history;
  history.bytes = 1000;
  Replicas replicas(history);
  for (int event = 0; event != 10; ++event) replicas.append("s/a", std::string(300, 'x'));
  CHECK(replicas.log("s/a").footprint() <= 1000);
  CHECK(replicas.log("s/a").count() == 2);
  replicas.append("s/a", std::string(5000, 'x'));
  CHECK(replicas.log("s/a").count() == 1);
}

TEST_CASE("an event that is too old goes, with and without a new one") {
  History history;
  history.age = 10s;
  Replicas replicas(history);
  replicas.append("s/a", "1");
  replicas.append("s/b", "1");
  replicas.now += 10s;
  replicas.append("s/a", "2");
  CHECK(replicas.log("s/a").count() == 2);  // not older than 10 s
  replicas.now += 1ms;
  replicas.append("s/a", "3");
  CHECK(replicas.log("s/a").count() == 2);
  CHECK(replicas.log("s/b").count() == 1);
  replicas.home->expire(replicas.now);
  CHECK(replicas.log("s/b").count() == 0);
}

TEST_CASE("all topics of a source together keep at most so many bytes, also when each has only one event") {
  History history;
  history.bytes_total = 20'000;
  Replicas replicas(history);
  for (int event = 0; event != 200; ++event) {
    replicas.append("s/" + std::to_string(event), std::string(1000, 'x'));
    REQUIRE(replicas.topics[0]->footprint() <= 20'000);
    REQUIRE(replicas.log("s/" + std::to_string(event)).count() == 1);  // the new one is there
  }
  for (int event = 0; event != 200; ++event) {
    replicas.append("s/hot", std::string(500, 'x'));
    REQUIRE(replicas.topics[0]->footprint() <= 20'000);
  }
  replicas.deliver(1);
  CHECK(replicas.topics[1]->footprint() == replicas.topics[0]->footprint());
}

TEST_CASE("when the source's memory is used up, a topic with little keeps it") {
  History history;
  history.bytes_total = 20'000;
  Replicas replicas(history);
  replicas.append("s/quiet", "small");
  for (int event = 0; event != 200; ++event) replicas.append("s/hot", std::string(500, 'x'));
  CHECK(replicas.topics[0]->footprint() <= 20'000);
  CHECK(replicas.log("s/quiet").count() == 1);
}

TEST_CASE("a key is remembered exactly as long as its event is retained") {
  History history;
  history.entries = 2;
  history.age = 10s;
  Replicas replicas(history);
  replicas.append("s/a", "1", "key-1");
  replicas.append("s/a", "2", "key-2");
  const topic::TopicIndex topic = *replicas.home->open("s/a", replicas.now);
  const topic::TopicIndex other = *replicas.home->open("s/b", replicas.now);
  CHECK(replicas.home->find_key(topic, "key-1") == 1);
  CHECK(replicas.home->find_key(other, "key-1") == std::nullopt);  // keys belong to their topic
  replicas.append("s/a", "3");
  CHECK(replicas.home->find_key(topic, "key-1") == std::nullopt);
  CHECK(replicas.home->find_key(topic, "key-2") == 2);
  replicas.now += 11s;
  replicas.home->expire(replicas.now);
  CHECK(replicas.home->find_key(topic, "key-2") == std::nullopt);
}

TEST_CASE("a key that a source appends twice names the newer event when the older one is gone") {
  History history;
  history.entries = 2;
  Replicas replicas(history);
  replicas.append("s/a", "1", "same");
  replicas.append("s/a", "2", "same");
  replicas.append("s/a", "3");
  const topic::TopicIndex topic = *replicas.home->open("s/a", replicas.now);
  CHECK(replicas.home->find_key(topic, "same") == 2);
  replicas.append("s/a", "4");
  CHECK(replicas.home->find_key(topic, "same") == std::nullopt);
}

TEST_CASE("an empty topic that nobody uses goes after the linger, and comes back knowing what it has lost") {
  History history;
  history.age = 10s;
  history.linger = 60s;
  Replicas replicas(history);
  replicas.append("s/a", "1");
  replicas.deliver(1);
  topic::TopicLog* joined = replicas.topics[1]->join("s/a");
  REQUIRE(joined != nullptr);
  replicas.now += 61s;
  replicas.home->expire(replicas.now);
  replicas.deliver(1);
  CHECK(replicas.topics[0]->topic_count() == 1);  // empty, but somebody listens
  replicas.topics[1]->leave(*joined, replicas.now);
  replicas.home->expire(replicas.now);
  CHECK(replicas.topics[0]->topic_count() == 0);
  CHECK(replicas.topics[1]->topic_count() == 1);      // it has not heard yet
  CHECK(replicas.topics[1]->join("s/a") == nullptr);  // but nobody joins any more
  REQUIRE(replicas.home->open("s/a", replicas.now));  // asked for anew
  CHECK(replicas.log("s/a").evicted_through() == 1);
  CHECK(replicas.topics[1]->join("s/a") == nullptr);
  replicas.deliver(1);
  CHECK(replicas.topics[1]->topic_count() == 1);
  joined = replicas.topics[1]->join("s/a");
  REQUIRE(joined != nullptr);
  CHECK(joined->evicted_through() == 1);
}

TEST_CASE("a topic whose engine keeps its past goes after the linger although its ring is full") {
  History history;
  history.linger = 60s;
  Replicas replicas(history, 2,
                    std::make_shared<topic::SharedSource>("s", std::make_shared<topic::PairFormat>('-', true), true));
  const auto topic = replicas.home->open("s/a", replicas.now, "0-0");
  REQUIRE(topic);
  const auto append = [&](const std::string& position) {
    replicas.home->append(*topic, position, {.data = "x"}, replicas.now);
  };
  append("1-0");
  topic::TopicLog* joined = replicas.topics[0]->join("s/a");
  REQUIRE(joined != nullptr);
  const auto later = [&](std::chrono::seconds time) {
    replicas.now += time;
    append(std::to_string(replicas.now.time_since_epoch().count()) + "-0");
    replicas.home->expire(replicas.now);
    return replicas.topics[0]->topic_count();
  };
  CHECK(later(61s) == 1);  // somebody listens
  replicas.topics[0]->leave(*joined, replicas.now);
  CHECK(later(1s) == 1);
  CHECK(later(59s) == 1);
  REQUIRE(replicas.home->open("s/a", replicas.now) == topic);  // somebody is about to
  CHECK(later(1s) == 1);
  CHECK(later(59s) == 1);
  replicas.now += 1s;
  replicas.home->expire(replicas.now);
  CHECK(replicas.topics[0]->topic_count() == 0);
}

TEST_CASE("a topic that an opener has just asked for is not removed before it was used") {
  Replicas replicas;
  REQUIRE(replicas.home->open("s/a", replicas.now));
  replicas.home->expire(replicas.now + 59s);
  CHECK(replicas.topics[0]->topic_count() == 1);
  replicas.home->expire(replicas.now + 61s);
  CHECK(replicas.topics[0]->topic_count() == 0);
}

TEST_CASE("only so many topics have state, and a removed one makes room (limits.topics)") {
  Replicas replicas({}, 1, "s", 2);
  CHECK(replicas.home->open("s/a", replicas.now));
  CHECK(replicas.home->open("s/b", replicas.now));
  CHECK_FALSE(replicas.home->open("s/c", replicas.now));
  CHECK(replicas.home->open("s/a", replicas.now));
  replicas.now += 61s;
  replicas.home->expire(replicas.now);
  CHECK(replicas.home->open("s/c", replicas.now));
}
