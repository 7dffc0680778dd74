// kafka_mock: librdkafka's mock cluster as a process of its own, against which any Kafka client can produce and consume
// (kcat in the tests). It says its bootstrap servers on the first line, then obeys one command a line on stdin and
// answers each with "ok" or "error: reason"; it ends at the end of stdin. Its log is in memory and its ports are the
// system's choice, so a restart is another cluster. No TLS, no SASL: the mock has none.

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

namespace {

constexpr const char* usage = R"(usage: kafka_mock BROKERS, then on stdin:
topic NAME PARTITIONS             creates a topic
leader TOPIC PARTITION BROKER     moves a partition; -1: nobody leads it
down BROKER, up BROKER            cuts its connections and takes none; -1: all brokers
rtt BROKER MS                     every answer comes so much later; -1: all brokers
deny TOPIC ERROR                  its metadata are this error (there is no such topic 3); 0: as before
fail API ERROR COUNT              the next requests of this kind (Produce 0, Fetch 1, ListOffsets 2, Metadata 3) fail so
)";

struct DestroyClient {
  void operator()(rd_kafka_t* client) const { rd_kafka_destroy(client); }
};
struct DestroyCluster {
  void operator()(rd_kafka_mock_cluster_t* cluster) const { rd_kafka_mock_cluster_destroy(cluster); }
};
using Client = std::unique_ptr<rd_kafka_t, DestroyClient>;
using Cluster = std::unique_ptr<rd_kafka_mock_cluster_t, DestroyCluster>;

int number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) throw std::invalid_argument("not a number: " + text);
  return value;
}

// The words of one command; throws what the answer says.
void obey(rd_kafka_mock_cluster_t* cluster, const std::vector<std::string>& words) {
  const auto is = [&](const char* verb, std::size_t arguments) {
    return !words.empty() && words[0] == verb && words.size() == arguments + 1;
  };
  auto failed = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (is("topic", 2)) {
    failed = rd_kafka_mock_topic_create(cluster, words[1].c_str(), number(words[2]), 1);
  } else if (is("leader", 3)) {
    failed = rd_kafka_mock_partition_set_leader(cluster, words[1].c_str(), number(words[2]), number(words[3]));
  } else if (is("deny", 2)) {
    rd_kafka_mock_topic_set_error(cluster, words[1].c_str(), static_cast<rd_kafka_resp_err_t>(number(words[2])));
  } else if (is("down", 1)) {
    failed = rd_kafka_mock_broker_set_down(cluster, number(words[1]));
  } else if (is("up", 1)) {
    failed = rd_kafka_mock_broker_set_up(cluster, number(words[1]));
  } else if (is("rtt", 2)) {
    failed = rd_kafka_mock_broker_set_rtt(cluster, number(words[1]), number(words[2]));
  } else if (is("fail", 3)) {
    const auto count = number(words[3]);
    if (count < 1 || count > 1'000) throw std::invalid_argument("a count from 1 to 1000");
    const std::vector<rd_kafka_resp_err_t> errors(static_cast<std::size_t>(count),
                                                  static_cast<rd_kafka_resp_err_t>(number(words[2])));
    rd_kafka_mock_push_request_errors_array(cluster, static_cast<std::int16_t>(number(words[1])), errors.size(),
                                            errors.data());
  } else {
    throw std::invalid_argument("no such command");
  }
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(rd_kafka_err2str(failed));
}

void serve(int brokers) {
  char why[512] = {};
  const Client client(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why));
  if (!client) throw std::runtime_error(why);
  const Cluster cluster(rd_kafka_mock_cluster_new(client.get(), brokers));
  if (!cluster) throw std::runtime_error("no mock cluster");
  std::cout << rd_kafka_mock_cluster_bootstraps(cluster.get()) << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream text(line);
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    try {
      obey(cluster.get(), words);
      std::cout << "ok" << std::endl;
    } catch (const std::exception& failure) {
      std::cout << "error: " << failure.what() << std::endl;
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  try {
    const auto brokers = count == 2 ? number(arguments[1]) : 0;
    if (brokers < 1 || brokers > 16) throw std::invalid_argument(usage);
    serve(brokers);
    return EXIT_SUCCESS;
  } catch (const std::exception& failure) {
    std::cerr << failure.what() << '\n';
    return EXIT_FAILURE;
  }
}
