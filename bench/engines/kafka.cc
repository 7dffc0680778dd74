// Kafka through librdkafka: partition 0 of a topic, produced with all acknowledgements and read by assignment.
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

using Client = std::unique_ptr<rd_kafka_t, Destroy<rd_kafka_destroy>>;
using Topic = std::unique_ptr<rd_kafka_topic_t, Destroy<rd_kafka_topic_destroy>>;
using Queue = std::unique_ptr<rd_kafka_queue_t, Destroy<rd_kafka_queue_destroy>>;
using Partitions = std::unique_ptr<rd_kafka_topic_partition_list_t, Destroy<rd_kafka_topic_partition_list_destroy>>;
using Setting = std::pair<const char*, const char*>;

constexpr int finish_milliseconds = 30'000;
constexpr std::size_t batch = 512;  // what the source takes in one turn

Client make_client(rd_kafka_type_t type, const EngineOptions& options, std::initializer_list<Setting> settings) {
  std::array<char, 512> why{};
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  const std::string servers = options.url.substr(options.url.find("://") + 3);
  std::vector<Setting> all(settings);
  all.emplace_back("bootstrap.servers", servers.c_str());
  for (const auto& [name, value] : all)
    if (rd_kafka_conf_set(conf, name, value, why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(why.data());
  rd_kafka_conf_set_log_cb(conf, nullptr);
  Client client(rd_kafka_new(type, conf, why.data(), why.size()));
  if (!client) throw std::runtime_error(why.data());
  return client;
}

class KafkaWriter final : public Writer {
 public:
  explicit KafkaWriter(const EngineOptions& options)
      : client_(make_client(
            RD_KAFKA_PRODUCER, options,
            {{"enable.idempotence", "true"}, {"linger.ms", "1"}, {"queue.buffering.max.messages", "20000"}})),
        topic_(rd_kafka_topic_new(client_.get(), options.name.c_str(), nullptr)) {}

  void write(std::string_view payload) override {
    while (rd_kafka_produce(topic_.get(), 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>(payload.data()), payload.size(),
                            nullptr, 0, nullptr) != 0) {
      if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
        throw std::runtime_error(std::string("kafka: ") + rd_kafka_err2str(rd_kafka_last_error()));
      rd_kafka_poll(client_.get(), 10);
    }
  }
  // Its own thread sends, after linger.ms.
  void flush() override { rd_kafka_poll(client_.get(), 0); }
  void finish() override {
    if (rd_kafka_flush(client_.get(), finish_milliseconds) != RD_KAFKA_RESP_ERR_NO_ERROR)
      throw std::runtime_error("kafka: not everything was acknowledged");
  }

 private:
  Client client_;
  Topic topic_;
};

class KafkaReader final : public Reader {
 public:
  // What the source sets for its live reading.
  explicit KafkaReader(const EngineOptions& options)
      : client_(make_client(RD_KAFKA_CONSUMER, options,
                            {{"group.id", "sluice_bench"},
                             {"enable.auto.commit", "false"},
                             {"auto.offset.reset", "error"},
                             {"queued.min.messages", "10000"},
                             {"queued.max.messages.kbytes", "16384"}})) {
    rd_kafka_poll_set_consumer(client_.get());
    queue_.reset(rd_kafka_queue_get_consumer(client_.get()));
    std::int64_t low = 0, high = 0;
    demand(rd_kafka_query_watermark_offsets(client_.get(), options.name.c_str(), 0, &low, &high, finish_milliseconds));
    partitions_.reset(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(partitions_.get(), options.name.c_str(), 0)->offset =
        options.from_oldest ? low : high;
    if (!options.from_oldest) assign();
  }

  void read(Intake& intake) override {
    std::array<rd_kafka_message_t*, batch> messages;
    if (partitions_) assign();
    // It would wait for a whole batch: for one message first, then what is there.
    ssize_t count = rd_kafka_consume_batch_queue(queue_.get(), read_wait_milliseconds, messages.data(), 1);
    take(intake, messages, count);
    if (count == 1) take(intake, messages, rd_kafka_consume_batch_queue(queue_.get(), 0, messages.data(), batch));
  }

 private:
  static void take(Intake& intake, std::span<rd_kafka_message_t* const> messages, ssize_t count) {
    for (rd_kafka_message_t* message : messages.first(static_cast<std::size_t>(std::max<ssize_t>(count, 0)))) {
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        intake.take({static_cast<const char*>(message->payload), message->len});
      rd_kafka_message_destroy(message);
    }
  }

  static void demand(rd_kafka_resp_err_t error) {
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) throw std::runtime_error(std::string("kafka: ") + rd_kafka_err2str(error));
  }
  void assign() {
    demand(rd_kafka_assign(client_.get(), partitions_.get()));
    partitions_.reset();
  }

  Client client_;
  Queue queue_;
  Partitions partitions_;  // until they are assigned
};

}  // namespace

std::span<const Engine> kafka_engines() {
  static const std::array<Engine, 1> engines = {{
      {"kafka", [](const EngineOptions& options) { return std::make_unique<KafkaWriter>(options); },
       [](const EngineOptions& options) { return std::make_unique<KafkaReader>(options); }},
  }};
  return engines;
}

}  // namespace sluice::bench
