// Kafka: a Kafka topic as a source: assigned to all of its partitions, in no consumer group, from where they end when
// the cluster is first heard of. librdkafka's events come to the home worker's loop (KafkaQueue); questions that block
// are asked on a thread (KafkaThread); pages of the past and publishing have clients of their own. Every few seconds it
// looks at the cluster: whether it answers, how far the partitions reach, whether there are more of them, or others.
// Invariant: of each partition every event is appended once, in its order; where that cannot be, a gap comes first.
#pragma once

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "gateway/source/kafka_client.h"
#include "gateway/source/kafka_message.h"
#include "gateway/source/kafka_pages.h"
#include "gateway/source/kafka_publisher.h"
#include "gateway/source/kafka_queue.h"
#include "gateway/source/kafka_thread.h"
#include "gateway/source/passed_over.h"
#include "gateway/source/poison.h"
#include "gateway/source/source.h"

namespace sluice::source {

class Kafka final : public Source {
 public:
  // Throws std::runtime_error in one line that names the key.
  explicit Kafka(Context&& context);
  ~Kafka() override { Kafka::stop(); }

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override { return mapping_.may_have(topic); }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  [[nodiscard]] topic::TimePoint due() const override { return due_; }
  void on_time(topic::TimePoint now) override;
  void pause() override;
  void go_on() override;

 private:
  static void tell_error(rd_kafka_t*, int code, const char* why, void* whom) noexcept;
  void on_messages(std::span<rd_kafka_message_t* const> messages);
  void on_message(rd_kafka_message_t& message, PassedOver& passed_over, topic::TimePoint now);
  // Of a partition, in the place of its next message.
  void on_partition_error(rd_kafka_message_t& message);
  void on_error(rd_kafka_resp_err_t code, const std::string& why);

  void look();
  // `before`: how far the source had come when it asked.
  void on_look(const KafkaRanges& answer, const KafkaPosition& before);
  void begin(const std::vector<KafkaRange>& ranges);
  // Brings the source's place in line with what the partitions have.
  void follow(const std::vector<KafkaRange>& ranges, const KafkaPosition& before, topic::TimePoint now);
  void announce_trimmed(KafkaPartition partition, topic::TimePoint now);
  // Reads on behind the last event of every partition.
  void assign();
  void set_paused(bool paused);
  void set_up();
  void set_down(const std::string& what);

  const config::Source& config_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  const config::Limits& limits_;
  const KafkaMapping mapping_;
  Poison poison_;
  KafkaClient client_;
  KafkaThread thread_;
  KafkaPages pages_;
  std::optional<KafkaPublisher> publisher_;
  std::optional<KafkaQueue> queue_;
  KafkaPosition position_;             // of the last event appended, or passed over
  std::set<KafkaPartition> stranded_;  // their next offset is not to be had: the next look tells why
  std::string text_;                   // of position_, kept for its capacity
  std::string trouble_;                // the last that librdkafka told of a connection
  topic::TimePoint due_ = topic::TimePoint::max(), look_due_{};
  bool looking_ = false, started_ = false, paused_ = false, was_up_ = false, full_told_ = false;
  bool doubted_ = false;  // the last look found another topic of that name: one more must find it too
};

}  // namespace sluice::source
