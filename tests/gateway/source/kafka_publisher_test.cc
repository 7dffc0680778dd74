#include "gateway/source/kafka_publisher.h"

#include <doctest/doctest.h>
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>

namespace sluice::source {
namespace {

using namespace std::chrono_literals;
using Kind = topic::PublishResult::Kind;

constexpr std::int16_t init_producer_id_request = 22;  // its ApiKey

TEST_CASE("a Kafka publisher that is broken, and cannot be made anew, says why until it can") {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", why.data(), why.size());
  rd_kafka_conf_set_log_cb(conf, nullptr);
  const KafkaClient owner(rd_kafka_new(RD_KAFKA_PRODUCER, conf, why.data(), why.size()));
  REQUIRE(owner);
  rd_kafka_mock_cluster_t* const mock = rd_kafka_handle_mock_cluster(owner.get());
  rd_kafka_mock_topic_create(mock, "orders", 1, 1);

  boost::asio::io_context io;
  config::Source config;
  config.name = "s";
  config.topic = "orders";
  config.url = std::string("kafka://") + rd_kafka_mock_cluster_bootstraps(mock);
  const config::Limits limits;
  const KafkaMapping mapping(config, limits);
  // Of no use any more from its first request on.
  rd_kafka_mock_push_request_errors(mock, init_producer_id_request, 1, RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED);
  KafkaPublisher publisher(config, mapping, io);
  const auto publish = [&] {
    std::optional<topic::PublishResult> result;
    publisher.publish("s", {.data = "a"}, [&](topic::PublishResult got) { result = std::move(got); });
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!result && std::chrono::steady_clock::now() < end) {
      io.restart();
      io.run_for(10ms);
    }
    REQUIRE(result);
    return *result;
  };
  CHECK(publish().kind == Kind::unavailable);
  config.tls.ca = "/nowhere/ca.pem";
  for (int time = 0; time != 2; ++time) {
    const topic::PublishResult result = publish();
    CHECK(result.kind == Kind::unavailable);
    CHECK_MESSAGE(result.detail.find("ssl.ca.location") != std::string::npos, result.detail);
  }
  config.tls.ca.clear();
  CHECK(publish().kind == Kind::appended);
  publisher.stop();
}

}  // namespace
}  // namespace sluice::source
