#include "gateway/source/kafka.h"

#include <doctest/doctest.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using source::Kafka;

namespace {

// librdkafka's mock cluster in this process, with a topic, and a producer.
struct Cluster {
  explicit Cluster(int partitions) {
    std::array<char, 512> why{};
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "test.mock.num.brokers", "2", why.data(), why.size());
    rd_kafka_conf_set_log_cb(conf, nullptr);
    producer.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size()));
    REQUIRE(producer);
    mock = rd_kafka_handle_mock_cluster(producer.get());
    rd_kafka_mock_topic_create(mock, "orders", partitions, 1);
  }
  void produce(int partition, int count) {
    for (int number = 0; number != count; ++number) {
      std::string data = std::to_string(number);
      REQUIRE(rd_kafka_producev(producer.get(), RD_KAFKA_V_TOPIC("orders"), RD_KAFKA_V_PARTITION(partition),
                                RD_KAFKA_V_VALUE(data.data(), data.size()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    REQUIRE(rd_kafka_flush(producer.get(), 10'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  [[nodiscard]] std::string url() const { return std::string("kafka://") + rd_kafka_mock_cluster_bootstraps(mock); }

  source::KafkaClient producer;
  rd_kafka_mock_cluster_t* mock = nullptr;  // the producer's
};

struct Story {
  explicit Story(int partitions) : cluster(partitions), given(cluster.url()) {
    given.config.topic = "orders";
    topics = std::make_unique<topic::Topics>(
        std::make_shared<topic::SharedSource>("s", std::make_shared<source::KafkaFormat>(), true), topic::History{});
    home = std::make_unique<topic::Home>(topic::SourceIndex{0}, *topics, topic::History{}, 10,
                                         [](const topic::Message&) {});
    kafka = std::make_unique<Kafka>(given.context(*home));
    kafka->start(std::chrono::steady_clock::now());
    index = home->open("s", std::chrono::steady_clock::now());
    REQUIRE(wait([&] { return topics->started(); }));
  }
  // Whether it comes true in time.
  template <class Condition>
  bool wait(Condition condition, std::chrono::milliseconds time = 20s) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!condition() && std::chrono::steady_clock::now() < end) {
      given.io.restart();
      given.io.run_for(10ms);
      given.run_posted();
      kafka->on_time(std::chrono::steady_clock::now());
    }
    return condition();
  }
  [[nodiscard]] std::size_t count() const { return topics->log(*index).count(); }
  [[nodiscard]] topic::PagePtr read(const topic::ReadRequest& request, const topic::ReadLimits& limits) {
    std::optional<topic::PagePtr> page;
    kafka->read(request, limits, [&](topic::PagePtr read) { page = std::move(read); });
    REQUIRE(wait([&] { return page.has_value(); }));
    return *page;
  }

  Cluster cluster;
  tests::SourceContext given;
  std::unique_ptr<topic::Topics> topics;
  std::unique_ptr<topic::Home> home;
  std::unique_ptr<Kafka> kafka;
  std::optional<topic::TopicIndex> index;
};

}  // namespace

TEST_CASE("a paused Kafka source is given nothing, and goes on exactly where it was") {
  Story story(2);
  story.cluster.produce(0, 50);
  REQUIRE(story.wait([&] { return story.count() == 50; }));
  story.kafka->pause();
  story.cluster.produce(0, 50);
  story.cluster.produce(1, 50);
  CHECK_FALSE(story.wait([&] { return story.count() != 50; }, 1s));
  story.kafka->go_on();
  REQUIRE(story.wait([&] { return story.count() == 150; }));
  const topic::TopicLog& log = story.topics->log(*story.index);
  std::array<source::KafkaOffset, 2> next{};
  for (topic::Offset offset = log.first(); offset != log.head(); ++offset) {
    const auto position = source::KafkaPosition::parse(log.at(offset).position());
    REQUIRE(position);
    CHECK(position->find(position->own()) == next[static_cast<std::size_t>(position->own())]++);
  }
  CHECK(story.given.metrics.paused.value() == 1);
}

TEST_CASE("the pages of a Kafka topic follow one another without loss or repeat, whoever walks between them") {
  Story story(3);
  for (int partition = 0; partition != 3; ++partition) story.cluster.produce(partition, 40);
  const topic::ReadLimits limits{.entries = 17};
  std::vector<std::array<source::KafkaOffset, 3>> walkers(2, {-1, -1, -1});
  std::vector<std::string> after(2);
  std::vector<bool> arrived(2);
  std::size_t entries = 0;
  for (std::size_t turn = 0; !arrived[0] || !arrived[1]; ++turn) {
    REQUIRE(turn < 100);
    const std::size_t walker = turn % 4 == 3 ? 1 : 0;  // one walks faster
    if (arrived[walker]) continue;
    const auto page = story.read({.topics = {"s"}, .after = after[walker]}, limits);
    CHECK(page->after == after[walker]);
    CHECK(page->entries.size() <= limits.entries);
    CHECK_FALSE(page->gap);
    for (const topic::EntryPtr& entry : page->entries) {
      const auto position = source::KafkaPosition::parse(entry->position());
      REQUIRE(position);
      auto& last = walkers[walker][static_cast<std::size_t>(position->own())];
      CHECK(position->find(position->own()) == ++last);
      for (const auto& [partition, offset] : position->places())
        CHECK(offset == walkers[walker][static_cast<std::size_t>(partition)]);
      ++entries;
    }
    arrived[walker] = page->at_end;
    after[walker] = page->through;
  }
  CHECK(entries == 240);
  const auto end = story.read({.topics = {"s"}, .after = after[0]}, limits);
  CHECK(end->entries.empty());
  CHECK(end->at_end);
  CHECK(end->through == end->from);
  const auto lost = story.read({.topics = {"s"}, .after = "1.99,0.39,2.10"}, limits);
  CHECK(lost->gap == topic::GapReason::recreated);
  CHECK(lost->from == "1.-1,0.39,2.10");
  CHECK(lost->entries.size() == 17);
  // A topic that is not this one's has nothing in it, and is passed over.
  const auto others = story.read({.topics = {"s/eu"}, .after = "0.-1,1.-1,2.-1"}, limits);
  CHECK(others->entries.empty());
  CHECK(source::KafkaFormat().compare(others->through, others->from) > 0);
}

TEST_CASE("a page of Kafka that ends a walk does not say that nothing has come since the walk began") {
  Story story(1);
  story.cluster.produce(0, 25);
  const topic::ReadLimits limits{.entries = 1};  // so ten messages that are not asked for end a page
  std::string after = "0.-1";
  for (const char* const through : {"0.9", "0.19", "0.24"}) {
    const auto page = story.read({.topics = {"s/eu"}, .after = after}, limits);
    CHECK(page->entries.empty());
    CHECK(page->through == through);
    CHECK_FALSE(page->at_end);
    after = page->through;
  }
  CHECK(story.read({.topics = {"s/eu"}, .after = after}, limits)->at_end);
}

TEST_CASE("a Kafka source that is stopped at any moment leaves no thread and no answer behind") {
  Story story(1);
  story.cluster.produce(0, 10);
  bool answered = false;
  story.kafka->read({.topics = {"s"}}, {}, [&](const topic::PagePtr&) { answered = true; });
  story.kafka->stop();
  CHECK_FALSE(story.wait([&] { return answered; }, 100ms));
  CHECK(story.kafka->due() > std::chrono::steady_clock::now() + 1h);
  story.kafka.reset();
}
