#include "gateway/source/kafka_position.h"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "gateway/topic/home.h"
#include "gateway/topic/merge.h"
#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using source::KafkaFormat;
using source::KafkaPosition;
using topic::Place;
using topic::PositionFormat;

TEST_CASE("a position of Kafka is read and written as one text, and nothing else is one") {
  for (const char* text : {"0.0", "0.18812,1.18790", "1.18790,0.18812", "2.7,0.5,1.6,3.8", "0.-1,1.4", "7.1",
                           "2147483647.9223372036854775806"}) {
    CAPTURE(text);
    const auto position = KafkaPosition::parse(text);
    REQUIRE(position);
    CHECK(position->to_string() == text);
    CHECK(KafkaFormat().classify(text) == PositionFormat::Kind::known);
  }
  for (const char* text : {"",
                           "0",
                           "0.",
                           ".0",
                           "0.1,",
                           ",0.1",
                           "0.1,,1.1",
                           "0.01",
                           "00.1",
                           "+0.1",
                           "0.-2",
                           "-1.0",
                           "0.1,0.2",
                           "1.1,3.1,2.1",
                           "1.1,2.1,2.1",
                           "2.1,0.1,2.1",
                           "0.1 ,1.1",
                           "0.1;1.1",
                           "2147483648.1",
                           "0.9223372036854775807",
                           "0.99999999999999999999",
                           "orders",
                           "abcdef.1",
                           "1795332250205-0"}) {
    CAPTURE(text);
    CHECK_FALSE(KafkaPosition::parse(text));
    CHECK(KafkaFormat().classify(text) == PositionFormat::Kind::malformed);
  }
}

TEST_CASE("positions of Kafka are ordered by element, and a missing partition has had nothing") {
  using Order = std::partial_ordering;
  struct Row {
    const char* left;
    const char* right;
    Order order;
  };
  const Row rows[] = {
      {"0.5,1.6", "0.5,1.6", Order::equivalent}, {"1.6,0.5", "0.5,1.6", Order::equivalent},
      {"0.5,1.6", "0.5,1.7", Order::less},       {"0.6,1.6", "0.5,1.6", Order::greater},
      {"0.5,1.7", "0.6,1.6", Order::unordered},  {"0.5", "0.5,1.0", Order::less},
      {"0.5", "0.5,1.-1", Order::equivalent},    {"0.5", "1.5", Order::unordered},
      {"0.5", "nonsense", Order::unordered},     {"", "0.5", Order::unordered},
      {"3.0,1.4", "0.2,1.4,3.1", Order::less},
  };
  for (const Row& row : rows) {
    CAPTURE(row.left);
    CAPTURE(row.right);
    CHECK(KafkaFormat().compare(row.left, row.right) == row.order);
    const Order back = row.order == Order::less      ? Order::greater
                       : row.order == Order::greater ? Order::less
                                                     : row.order;
    CHECK(KafkaFormat().compare(row.right, row.left) == back);
  }
}

TEST_CASE(
    "an entry was had by its own offset, which stands first, and the id is the larger of both in each partition") {
  struct Row {
    const char* resumed;
    const char* entry;
    bool had;
    const char* id;
  };
  const Row rows[] = {
      {"0.5,1.6", "0.5,1.4", true, "0.5,1.6"}, {"0.5,1.6", "0.6,1.4", false, "0.6,1.6"},
      {"0.5,1.6", "1.6,0.9", true, "1.6,0.9"}, {"0.5,1.6", "1.7,0.3", false, "1.7,0.5"},
      {"0.5", "1.0,0.5", false, "1.0,0.5"},    {"0.5,2.9", "0.6,1.1,2.8", false, "0.6,1.1,2.9"},
      {"0.5,7.1", "0.6", false, "0.6,7.1"},    {"0.5,1.-1", "1.0,0.5", false, "1.0,0.5"},
      {"0.5,1.-1", "0.6", false, "0.6"},       {"", "0.6", false, "0.6"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.resumed);
    CAPTURE(row.entry);
    CHECK(KafkaFormat().had(row.resumed, row.entry) == row.had);
    CHECK(KafkaFormat().join(row.resumed, row.entry) == row.id);
  }
}

namespace {

// One gateway's ring over a Kafka topic, whose events it got in an order of its own.
struct Ring {
  explicit Ring(const std::string& start, std::size_t entries = 1000) : position(*KafkaPosition::parse(start)) {
    history.entries = entries;
    topics = std::make_unique<topic::Topics>(
        std::make_shared<topic::SharedSource>("s", std::make_shared<KafkaFormat>(), true), history);
    home = std::make_unique<topic::Home>(topic::SourceIndex{0}, *topics, history, 10, [](const topic::Message&) {});
    home->start(start);
    index = *home->open("s", now);
  }
  void append(source::KafkaPartition partition, source::KafkaOffset offset) {
    position.set(partition, offset);
    position.set_own(partition);
    const std::string data = std::to_string(partition) + "/" + std::to_string(offset);
    home->append(index, position.to_string(), {.data = data}, now);
  }
  [[nodiscard]] topic::TopicLog& log() { return topics->log(index); }
  [[nodiscard]] topic::PartStart resume(const std::string& at) {
    topic::TopicLog* const logs[] = {&log()};
    return topic::find_start(*topics, logs, {topic::Wish::Kind::position, at}, true);
  }

  topic::History history;
  topic::TimePoint now = tests::epoch_of_tests;
  KafkaPosition position;
  std::unique_ptr<topic::Topics> topics;
  std::unique_ptr<topic::Home> home;
  topic::TopicIndex index = 0;
};

struct Delivered {
  std::string id, data;
};

// What a stream that resumed at `at` is sent, event by event.
struct Stream {
  Stream(Ring& from, const std::string& at) : ring(from), merge(listener) {
    const topic::PartStart start = ring.resume(at);
    REQUIRE(start.kind == topic::PartStart::Kind::ready);
    topic::TopicLog* const logs[] = {ring.topics->join("s")};
    merge.add(*ring.topics, logs, start, at);
  }
  ~Stream() { merge.leave(ring.now); }
  std::vector<Delivered> read() {
    std::string text;
    while (merge.pending()) {
      ByteBuffer out;
      merge.render(7, out);
      text += out.text();
    }
    std::vector<Delivered> events;
    for (std::size_t begin = 0; begin != text.size();) {
      const std::size_t data = text.find("\ndata: ", begin), end = text.find("\n\n", begin);
      REQUIRE(text.substr(begin, 4) == "id: ");
      events.push_back({text.substr(begin + 4, data - begin - 4), text.substr(data + 7, end - data - 7)});
      begin = end + 2;
    }
    return events;
  }
  Ring& ring;
  tests::Listener listener;
  topic::Merge merge;
};

}  // namespace

TEST_CASE("a ring serves a position that reaches its start in every partition, from the first entry not had on") {
  Ring ring("0.9,1.19", 4);
  for (const auto& [partition, offset] : {std::pair{0, 10}, {1, 20}, {0, 11}, {1, 22}, {0, 12}, {1, 23}})
    ring.append(partition, offset);
  // 0/10 and 1/20 are evicted: it holds 0/11, 1/22, 0/12, 1/23 after 0.10,1.20.
  REQUIRE(ring.log().evicted_position() == "1.20,0.10");
  struct Row {
    const char* at;
    Place::Kind kind;
    topic::Offset next;
    bool filter;
  };
  const Row rows[] = {
      {"0.10,1.20", Place::Kind::here, 2, false},
      {"0.11,1.20", Place::Kind::here, 3, false},
      {"0.11,1.21", Place::Kind::here, 3, true},  // 21 is a hole here: the next is 22
      {"0.10,1.22", Place::Kind::here, 2, true},  // another gateway had 1/22 first
      {"0.12,1.20", Place::Kind::here, 3, true},
      {"0.12,1.23", Place::Kind::here, 6, false},
      {"0.13,1.23", Place::Kind::ahead, 6, true},
      {"0.13,1.20", Place::Kind::ahead, 3, true},
      {"0.9,1.23", Place::Kind::older, 0, false},
      {"0.12", Place::Kind::older, 0, false},  // a partition that is missing begins at its beginning
      {"0.12,1.23,2.-1", Place::Kind::here, 6, false},
      {"0.12,1.23,2.4", Place::Kind::ahead, 6, true},
      {"nonsense", Place::Kind::malformed, 0, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.at);
    const Place place = topic::locate(*ring.topics, ring.log(), row.at);
    CHECK(place.kind == row.kind);
    CHECK(place.next == row.next);
    CHECK(place.filter == row.filter);
    const auto start = ring.resume(row.at);
    CHECK((start.kind == topic::PartStart::Kind::ready) == (row.kind == Place::Kind::here));
    CHECK((start.resumed == row.at) == (row.kind == Place::Kind::here && row.filter));
  }
}

TEST_CASE("until the ring has passed the position in every partition, the id is the larger of both") {
  Ring ring("0.0,1.0");
  ring.append(0, 1);
  ring.append(0, 2);
  Stream stream(ring, "1.0,0.1");
  ring.append(1, 1);
  const auto first = stream.read();
  REQUIRE(first.size() == 2);
  CHECK(first[0].id == "0.2,1.0");
  CHECK(stream.merge.is_single());  // a ring's own order: nothing to remember
  Ring other("0.0,1.0");
  for (const auto& [partition, offset] : {std::pair{1, 1}, {1, 2}, {0, 1}, {1, 3}, {0, 2}, {0, 3}})
    other.append(partition, offset);
  Stream moved(other, "0.2,1.1");  // it has had 0/1 and 0/2, which come later here
  CHECK_FALSE(moved.merge.is_single());
  const auto events = moved.read();
  REQUIRE(events.size() == 3);
  CHECK(events[0].data == "1/2");
  CHECK(events[0].id == "1.2,0.2");
  CHECK(events[1].data == "1/3");
  CHECK(events[1].id == "1.3,0.2");
  CHECK(events[2].data == "0/3");
  CHECK(events[2].id == "0.3,1.3");
  CHECK(moved.merge.is_single());
}

TEST_CASE("a stream moves between gateways with other orders of the partitions: nothing is lost, nothing comes twice") {
  for (unsigned seed = 1; seed != 40; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    constexpr int partitions = 4, offsets = 12;
    // Two gateways, each with an interleaving of its own; with holes, as compaction leaves them.
    std::vector<std::vector<std::pair<int, int>>> orders(2);
    std::map<int, std::vector<int>> kept;
    for (int partition = 0; partition != partitions; ++partition)
      for (int offset = 0; offset != offsets; ++offset)
        if (random() % 4 != 0) kept[partition].push_back(offset);
    for (auto& order : orders) {
      std::map<int, std::size_t> next;
      std::size_t left = 0;
      for (const auto& [partition, list] : kept) left += list.size();
      while (left != 0) {
        const int partition = static_cast<int>(random() % partitions);
        if (next[partition] == kept[partition].size()) continue;
        order.emplace_back(partition, kept[partition][next[partition]++]);
        --left;
      }
    }
    Ring rings[] = {Ring("0.-1,1.-1,2.-1,3.-1"), Ring("0.-1,1.-1,2.-1,3.-1")};
    std::size_t reached[] = {0, 0};
    std::string id = "0.-1,1.-1,2.-1,3.-1";
    std::map<int, std::vector<int>> got;
    for (int turn = 0; turn != 200; ++turn) {
      const std::size_t gateway = turn < 199 ? random() % 2 : 0;
      Ring& ring = rings[gateway];
      const std::size_t stop = turn < 150
                                   ? std::min<std::size_t>(orders[gateway].size(), reached[gateway] + random() % 3)
                                   : orders[gateway].size();
      // Only what the ring has reached is asked of it; an engine would be asked for the rest.
      if (topic::locate(*ring.topics, ring.log(), id).kind == Place::Kind::here) {
        Stream stream(ring, id);
        for (; reached[gateway] != stop; ++reached[gateway])
          ring.append(orders[gateway][reached[gateway]].first, orders[gateway][reached[gateway]].second);
        auto events = stream.read();
        if (turn < 190) events.resize(std::min<std::size_t>(events.size(), random() % 4));  // cut anywhere
        for (const Delivered& event : events) {
          id = event.id;
          const std::size_t slash = event.data.find('/');
          got[std::stoi(event.data.substr(0, slash))].push_back(std::stoi(event.data.substr(slash + 1)));
        }
      } else {
        for (; reached[gateway] != stop; ++reached[gateway])
          ring.append(orders[gateway][reached[gateway]].first, orders[gateway][reached[gateway]].second);
      }
    }
    CHECK(got == kept);
  }
}

TEST_CASE("when the topic was made anew, what a stream had of the old one hides nothing of the new") {
  Ring ring("0.0,1.9");
  for (const auto& [partition, offset] : {std::pair{1, 10}, {1, 11}, {0, 1}}) ring.append(partition, offset);
  Stream filtered(ring, "0.1,1.10");
  CHECK_FALSE(filtered.merge.is_single());
  ring.home->restart("0.-1,1.-1", topic::GapReason::recreated, ring.now);
  // 1/11 went with the ring: the engine is asked, which knows what of this position it still has.
  CHECK(filtered.read().empty());
  const auto want = filtered.merge.take_want();
  REQUIRE(want);
  CHECK(want->request.after == "0.1,1.10");

  // One that is ahead of the ring, which has nothing for it.
  Ring slow("0.0,1.9");
  Stream ahead(slow, "0.0,1.9");
  const auto page = std::make_shared<topic::Page>(
      topic::Page{.after = "0.5,1.9", .from = "0.5,1.9", .through = "0.5,1.9", .at_end = true});
  tests::Listener listener;
  topic::Merge merge(listener);
  topic::TopicLog* const logs[] = {slow.topics->join("s")};
  merge.add(*slow.topics, logs, {.kind = topic::PartStart::Kind::replay, .after = "0.5,1.9"}, "0.5,1.9", page);
  slow.append(0, 5);
  CHECK_FALSE(merge.pending());
  slow.home->restart("0.-1,1.-1", topic::GapReason::recreated, slow.now);
  slow.position = *KafkaPosition::parse("0.-1,1.-1");
  slow.append(0, 0);
  REQUIRE(merge.pending());
  ByteBuffer out;
  merge.render(100'000, out);
  CHECK(out.text().find("\"reason\":\"recreated\"") != std::string::npos);
  CHECK(out.text().ends_with("id: 0.0,1.-1\ndata: 0/0\n\n"));
  merge.leave(slow.now);
}

TEST_CASE(
    "a page that was read for a neighbour gives what this stream has not had, and tells of no loss that is not its") {
  Ring ring("0.20,1.20");
  const auto entry = [](const char* position) { return topic::Entry::make({.position = position, .data = position}); };
  const auto page = std::make_shared<topic::Page>(
      topic::Page{.after = "0.1,1.1",
                  .from = "0.4,1.1",
                  .through = "0.7,1.4",
                  .entries = {entry("1.2,0.4"), entry("0.5,1.2"), entry("1.3,0.5"), entry("1.4,0.5"), entry("0.6,1.4")},
                  .gap = topic::GapReason::trimmed});
  const auto read = [&](const char* after) {
    tests::Listener listener;
    topic::Merge merge(listener);
    topic::TopicLog* const logs[] = {ring.topics->join("s")};
    merge.add(*ring.topics, logs, {.kind = topic::PartStart::Kind::replay, .after = after}, after, page);
    ByteBuffer out;
    while (merge.pending()) merge.render(9, out);
    const auto want = merge.take_want();
    REQUIRE(want);
    merge.leave(ring.now);
    return std::pair(std::string(out.text()), want->request.after);
  };
  const auto whole = read("0.1,1.1");
  CHECK(whole.first.starts_with("id: 0.4,1.1\nevent: sluice.gap\n"));
  CHECK(whole.second == "0.7,1.4");
  // It has had more of one partition than the page, and in the other it stands in its midst.
  const auto neighbour = read("0.9,1.2");
  CHECK(neighbour.first == "id: 1.3,0.9\ndata: 1.3,0.5\n\nid: 1.4,0.9\ndata: 1.4,0.5\n\n");
  CHECK(neighbour.second == "1.4,0.9");
  // It has lost what the page's own asker has lost, in that partition.
  const auto late = read("0.2,1.3");
  CHECK(late.first.starts_with("id: 0.4,1.3\nevent: sluice.gap\n"));
  CHECK(
      late.first.ends_with("id: 0.5,1.3\ndata: 0.5,1.2\n\nid: 1.4,0.5\ndata: 1.4,0.5\n\n"
                           "id: 0.6,1.4\ndata: 0.6,1.4\n\n"));
}
