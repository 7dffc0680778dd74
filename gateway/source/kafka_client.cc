#include "gateway/source/kafka_client.h"

#include <array>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "gateway/source/kafka_url.h"
#include "proto/pem.h"
#include "proto/tls.h"

namespace sluice::source {

namespace {

constexpr std::size_t text_size_max = 512;  // of what librdkafka says

struct Setting {
  const char* name;
  std::string value;
};

std::vector<Setting> settings_of(const config::Source& config, KafkaRole role) {
  const KafkaUrl url = parse_kafka_url(config.url);
  const config::SourceTls& tls = config.tls;
  const bool secure = !tls.ca.empty() || !tls.cert.empty();
  std::vector<Setting> settings = {
      {"bootstrap.servers", url.servers},
      {"client.id", "sluice"},
      // A request that is not answered cuts its connection; that a broker hangs is noticed sooner: Kafka::look().
      {"socket.timeout.ms", "10000"},
      {"socket.keepalive.enable", "true"},
      {"reconnect.backoff.ms", "500"},  // librdkafka adds the jitter
      {"reconnect.backoff.max.ms", "30000"},
      {"security.protocol", std::string(url.user.empty() ? "" : "sasl_") + (secure ? "ssl" : "plaintext")},
  };
  const auto set = [&](const char* name, std::string value) { settings.push_back({name, std::move(value)}); };
  if (!url.user.empty()) {
    set("sasl.mechanism", "PLAIN");
    set("sasl.username", url.user);
    set("sasl.password", url.password);
  }
  if (!tls.ca.empty()) set("ssl.ca.location", tls.ca.string());
  if (!tls.cert.empty()) {
    set("ssl.certificate.location", tls.cert.string());
    set("ssl.key.location", tls.key.string());
  }
  if (secure) set("ssl.endpoint.identification.algorithm", "https");
  if (role == KafkaRole::publisher) {
    set("enable.idempotence", "true");  // and with it acks = all
    set("linger.ms", "0");
    set("message.timeout.ms", "10000");
    set("partitioner", "murmur2_random");  // where Java's clients put the same key
    return settings;
  }
  set("group.id", "sluice");  // assign() demands a name; nobody joins
  set("enable.auto.commit", "false");
  set("auto.offset.reset", "error");  // `latest` would jump over what was lost, with no more than a log line
  set("allow.auto.create.topics", "false");
  set("enable.partition.eof", role == KafkaRole::reader ? "true" : "false");
  // A page that begins elsewhere waits for the answer to the last fetch, which may have reached the end.
  if (role == KafkaRole::reader) set("fetch.wait.max.ms", "50");
  // What librdkafka reads ahead, per client.
  set("queued.min.messages", role == KafkaRole::reader ? "2000" : "10000");
  set("queued.max.messages.kbytes", role == KafkaRole::reader ? "4096" : "16384");
  return settings;
}

KafkaPartitions make_partitions(std::size_t count) {
  return KafkaPartitions(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
}

// Asks for all partitions at once, each leader in one request: `query` is a time in milliseconds, or one of
// librdkafka's two: the protocol has them as times as well (ListOffsets: -1 the end, -2 the beginning).
std::vector<KafkaOffset> ask_offsets(rd_kafka_t* client, const std::string& topic, std::size_t count,
                                     std::int64_t query, std::string& why) {
  const KafkaPartitions list = make_partitions(count);
  for (std::size_t partition = 0; partition != count; ++partition)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), static_cast<int>(partition))->offset = query;
  const auto error = rd_kafka_offsets_for_times(client, list.get(), static_cast<int>(kafka_patience.count()));
  std::vector<KafkaOffset> offsets;
  for (int index = 0; index != list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR && why.empty(); ++index) {
    const rd_kafka_topic_partition_t& element = list->elems[index];
    if (element.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      why = "partition " + std::to_string(element.partition) + ": " + rd_kafka_err2str(element.err);
    offsets.push_back(element.offset);
  }
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) why = rd_kafka_err2str(error);
  if (!why.empty()) offsets.clear();
  return offsets;
}

std::size_t ask_partition_count(rd_kafka_t* client, const std::string& topic, std::string& why) {
  const KafkaTopicHandle handle(rd_kafka_topic_new(client, topic.c_str(), nullptr));
  if (!handle) {
    why = rd_kafka_err2str(rd_kafka_last_error());
    return 0;
  }
  const struct rd_kafka_metadata* metadata = nullptr;
  auto error = rd_kafka_metadata(client, 0, handle.get(), &metadata, static_cast<int>(kafka_patience.count()));
  std::size_t count = 0;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    if (metadata->topic_cnt == 1) {
      error = metadata->topics[0].err;
      count = static_cast<std::size_t>(metadata->topics[0].partition_cnt);
    }
    rd_kafka_metadata_destroy(metadata);
  }
  if (error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || (error == RD_KAFKA_RESP_ERR_NO_ERROR && count == 0))
    why = "there is no topic `" + topic + "`: create it, or mend `topic`";
  else if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    why = rd_kafka_err2str(error);
  return why.empty() ? count : 0;
}

}  // namespace

KafkaClient make_kafka_client(const config::Source& config, KafkaRole role, KafkaErrors errors) {
  std::array<char, text_size_max> why{};
  std::unique_ptr<rd_kafka_conf_t, KafkaDestroy<rd_kafka_conf_destroy>> conf(rd_kafka_conf_new());
  for (const Setting& setting : settings_of(config, role))
    if (rd_kafka_conf_set(conf.get(), setting.name, setting.value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK)
      throw std::runtime_error(why.data());
  rd_kafka_conf_set_log_cb(conf.get(), nullptr);  // what matters comes as an event
  if (errors.tell == nullptr) {
    rd_kafka_conf_set_events(conf.get(), RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_DR);
  } else {
    rd_kafka_conf_set_error_cb(conf.get(), errors.tell);
    rd_kafka_conf_set_opaque(conf.get(), errors.whom);
  }
  KafkaClient client(rd_kafka_new(role == KafkaRole::publisher ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf.get(),
                                  why.data(), why.size()));
  if (!client) throw std::runtime_error(why.data());
  static_cast<void>(conf.release());  // the client's
  if (role != KafkaRole::publisher) rd_kafka_poll_set_consumer(client.get());
  return client;
}

void check_kafka(const config::Source& config) {
  static_cast<void>(parse_kafka_url(config.url));
  if (config.publish && !config.map.data.empty())
    throw std::invalid_argument("`publish` does not go with `map.data`: what is posted is the whole value");
  const config::SourceTls& tls = config.tls;
  if (!tls.ca.empty()) {
    proto::TlsContext::ClientOptions trust;
    trust.ca = tls.ca;
    static_cast<void>(proto::TlsContext::client(trust));
  }
  if (tls.cert.empty() != tls.key.empty())
    throw std::invalid_argument("`tls.cert` and `tls.key` go together: both, or neither");
  if (!tls.cert.empty()) static_cast<void>(proto::read_credentials(tls.cert, tls.key, std::time(nullptr)));
}

KafkaRanges ask_kafka_ranges(rd_kafka_t* client, const std::string& topic) {
  KafkaRanges answer;
  const std::size_t count = ask_partition_count(client, topic, answer.why);
  if (!answer.why.empty()) return answer;
  // The beginning first: what is trimmed between the two questions then leaves no range that ends before it begins.
  const auto lows = ask_offsets(client, topic, count, RD_KAFKA_OFFSET_BEGINNING, answer.why);
  if (!answer.why.empty()) return answer;
  const auto highs = ask_offsets(client, topic, count, RD_KAFKA_OFFSET_END, answer.why);
  if (!answer.why.empty()) return answer;
  for (std::size_t partition = 0; partition != count; ++partition)
    answer.partitions.push_back({lows[partition], highs[partition]});
  return answer;
}

std::vector<KafkaOffset> ask_kafka_offsets(rd_kafka_t* client, const std::string& topic,
                                           const std::vector<KafkaRange>& ranges,
                                           std::chrono::system_clock::time_point since) {
  using std::chrono::milliseconds;
  const auto time = std::max<std::int64_t>(std::chrono::duration_cast<milliseconds>(since.time_since_epoch()).count(),
                                           0);  // below 0 are the special ones
  std::string why;
  auto offsets = ask_offsets(client, topic, ranges.size(), time, why);
  for (std::size_t partition = 0; partition != offsets.size(); ++partition)
    if (offsets[partition] < 0) offsets[partition] = ranges[partition].high;
  return offsets;
}

std::string assign_kafka(rd_kafka_t* client, const std::string& topic,
                         const std::vector<KafkaPosition::Place>& places) {
  const KafkaPartitions list = make_partitions(places.size());
  for (const auto& [partition, last] : places)
    rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), partition)->offset = last + 1;
  const auto error = rd_kafka_assign(client, places.empty() ? nullptr : list.get());
  return error == RD_KAFKA_RESP_ERR_NO_ERROR ? std::string() : rd_kafka_err2str(error);
}

}  // namespace sluice::source
