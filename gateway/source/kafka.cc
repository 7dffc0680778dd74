#include "gateway/source/kafka.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "gateway/observe/log.h"
#include "gateway/source/kafka_url.h"

namespace sluice::source {

namespace {

constexpr std::chrono::seconds check_interval{1}, look_interval{3};

KafkaClient make_client(const config::Source& config, KafkaErrors errors) {
  try {
    return make_kafka_client(config, KafkaRole::follower, errors);
  } catch (const std::exception& error) {
    throw std::runtime_error("source." + config.name + ": " + error.what());
  }
}

}  // namespace

Kafka::Kafka(Context&& context)
    : config_(context.config),
      home_(context.home),
      metrics_(context.metrics),
      limits_(context.limits),
      mapping_(context.config, context.limits),
      poison_(context.limits, context.metrics),
      client_(make_client(context.config, {.tell = tell_error, .whom = this})),
      thread_(context.post),
      pages_(context.config, mapping_, context.post, context.random()) {
  if (config_.publish) publisher_.emplace(config_, mapping_, context.io);
  queue_.emplace(context.io, rd_kafka_queue_get_consumer(client_.get()),
                 KafkaQueue::OnMessages([this](auto messages) { on_messages(messages); }));
}

void Kafka::start(topic::TimePoint now) {
  due_ = now + check_interval;
  look();
}

void Kafka::stop() {
  pages_.ask_to_stop();  // a cluster that hangs is then waited for once, not twice
  thread_.stop();
  pages_.stop();
  if (publisher_) publisher_->stop();
  queue_.reset();
  client_.reset();
  due_ = topic::TimePoint::max();
}

void Kafka::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void Kafka::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                    std::function<void(topic::PublishResult)> done) {
  using Kind = topic::PublishResult::Kind;
  if (!publisher_) return done({.kind = Kind::not_publishable});
  if (!may_have(topic)) return done({.kind = Kind::unknown_topic});
  if (events.size() != 1)
    return done(
        {.kind = Kind::refused, .detail = "Kafka would not write several events all or none: send one in a request"});
  publisher_->publish(topic, events.front(), std::move(done));
}

void Kafka::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  pages_.read(request, limits, [this, done = std::move(done)](topic::PagePtr page) {
    metrics_.pages.add();
    done(std::move(page));
  });
}

void Kafka::on_time(topic::TimePoint now) {
  if (!queue_) return;  // stopped
  due_ = now + check_interval;
  if (now >= look_due_) look();
}

void Kafka::pause() {
  metrics_.paused.add();
  set_paused(true);
}

void Kafka::go_on() { set_paused(false); }

void Kafka::set_paused(bool paused) {
  paused_ = paused;
  const KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(position_.places().size())));
  for (const auto& place : position_.places())
    rd_kafka_topic_partition_list_add(list.get(), config_.topic.c_str(), place.partition);
  if (list->cnt == 0) return;
  (void)(paused ? rd_kafka_pause_partitions(client_.get(), list.get())
                : rd_kafka_resume_partitions(client_.get(), list.get()));
}

// --- What librdkafka tells -----------------------------------------------------------------------------------------

void Kafka::on_messages(std::span<rd_kafka_message_t* const> messages) {
  const auto now = std::chrono::steady_clock::now();
  PassedOver passed_over(home_);
  for (rd_kafka_message_t* message : messages) {
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      on_message(*message, passed_over, now);
    else
      on_partition_error(*message);
  }
  passed_over.tell(now);
}

void Kafka::on_message(rd_kafka_message_t& message, PassedOver& passed_over, topic::TimePoint now) {
  const auto last = position_.find(message.partition);
  if (!last || message.offset <= *last) return;  // of an assignment that is no more
  position_.set(message.partition, message.offset);
  position_.set_own(message.partition);
  position_.write(text_);
  const KafkaArrival arrival = mapping_.arrival(message);
  if (arrival.flaw != nullptr) poison_.count(arrival.flaw, text_);
  if (arrival.topic.empty()) return;
  const auto topic = home_.open(arrival.topic, now);
  if (!topic) {
    passed_over.add(text_);
    if (!std::exchange(full_told_, true))
      observe::log_event(observe::Level::warning, "limits.topics topics have state: events of others are passed over",
                         {{"source", config_.name}});
    return;
  }
  passed_over.tell(now);
  home_.append(*topic, text_, arrival.event, now);
  metrics_.events.add();
}

void Kafka::tell_error(rd_kafka_t*, int code, const char* why, void* whom) noexcept {
  static_cast<Kafka*>(whom)->on_error(static_cast<rd_kafka_resp_err_t>(code), why);
}

void Kafka::on_partition_error(rd_kafka_message_t& message) {
  if (message.err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && message.err != RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
    return on_error(message.err, rd_kafka_message_errstr(&message));
  stranded_.insert(message.partition);
  look();
}

void Kafka::on_error(rd_kafka_resp_err_t code, const std::string& why) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return;  // we are in none
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      return set_down(trouble_.empty() ? why : trouble_);
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      trouble_ = why;
      return set_down(why);
    default:
      trouble_ = why;
  }
}

// --- How the cluster is --------------------------------------------------------------------------------------------

void Kafka::look() {
  if (std::exchange(looking_, true)) return;
  look_due_ = std::chrono::steady_clock::now() + look_interval;
  thread_.ask([this, before = position_] {
    const KafkaRanges answer = ask_kafka_ranges(client_.get(), config_.topic);
    thread_.answer([this, answer, before] { on_look(answer, before); });
  });
}

void Kafka::on_look(const KafkaRanges& answer, const KafkaPosition& before) {
  looking_ = false;
  const auto now = std::chrono::steady_clock::now();
  if (!answer.why.empty()) {
    look_due_ = now;
    return set_down(trouble_.empty() ? answer.why : answer.why + " (" + trouble_ + ")");
  }
  if (started_)
    follow(answer.partitions, before, now);
  else
    begin(answer.partitions);
  std::int64_t lag = 0;
  for (const auto& [partition, last] : position_.places())
    if (static_cast<std::size_t>(partition) < answer.partitions.size())
      lag += std::max<std::int64_t>(answer.partitions[static_cast<std::size_t>(partition)].high - 1 - last, 0);
  metrics_.lag.set(lag);
  set_up();
}

void Kafka::begin(const std::vector<KafkaRange>& ranges) {
  started_ = true;
  for (std::size_t partition = 0; partition != ranges.size(); ++partition)
    position_.set(static_cast<KafkaPartition>(partition), ranges[partition].high - 1);
  position_.write(text_);
  if (text_.size() > limits_.last_event_id)
    observe::log_event(observe::Level::warning,
                       "an id of this topic is longer than limits.last_event_id: nobody resumes",
                       {{"source", config_.name}, {"partitions", ranges.size()}, {"bytes", text_.size()}});
  home_.start(text_);
  assign();
}

void Kafka::follow(const std::vector<KafkaRange>& ranges, const KafkaPosition& before, topic::TimePoint now) {
  KafkaChange change = find_kafka_change(position_, before, stranded_, ranges);
  // Believed when two looks have found it: a leader that has just been replaced may have answered.
  if (change.recreated && !std::exchange(doubted_, true)) {
    look_due_ = now;
    return;
  }
  doubted_ = false;
  stranded_.clear();
  position_ = std::move(change.position);
  if (change.recreated) {
    metrics_.gaps.add();
    home_.restart(position_.to_string(), topic::GapReason::recreated, now);
  }
  for (const KafkaPartition partition : change.trimmed) announce_trimmed(partition, now);
  if (change.reassign) assign();
}

void Kafka::announce_trimmed(KafkaPartition partition, topic::TimePoint now) {
  position_.set_own(partition);
  position_.write(text_);
  metrics_.gaps.add();
  home_.lose(topic::GapReason::trimmed, text_, now);
}

void Kafka::assign() {
  const std::string why = assign_kafka(client_.get(), config_.topic, position_.places());
  if (!why.empty()) observe::log_event(observe::Level::error, "Kafka", {{"source", config_.name}, {"why", why}});
  if (paused_) set_paused(true);
}

void Kafka::set_up() {
  trouble_.clear();
  if (metrics_.state() == observe::SourceState::down && was_up_) metrics_.reconnects.add();
  was_up_ = true;
  metrics_.set_state(observe::SourceState::up);
}

void Kafka::set_down(const std::string& what) {
  // Told once: librdkafka tells of every attempt, each in other words.
  if (metrics_.state() == observe::SourceState::down) return;
  metrics_.lag.set(-1);
  metrics_.set_state(observe::SourceState::down, "Kafka at " + parse_kafka_url(config_.url).servers + ": " + what +
                                                     "; does it run, and are `url` and `topic` right?");
}

}  // namespace sluice::source
