#include "gateway/source/mqtt.h"

#include <chrono>
#include <ctime>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "gateway/source/mapping.h"
#include "gateway/source/topic_below.h"
#include "proto/pem.h"
#include "proto/tls.h"

namespace sluice::source {

namespace {

MqttOptions options_of(Context& context) {
  return {.url = parse_mqtt_url(context.config.url),
          .tls = context.config.tls,
          .filter = context.config.topic,
          .client_id = fmt::format("sluice-{:08x}", static_cast<std::uint32_t>(context.random())),
          .message_size_max = context.limits.event_size,
          .queue_bytes_max = context.limits.mailbox,
          .seed = context.random()};
}

}  // namespace

void check_mqtt(const config::Source& config) {
  static_cast<void>(parse_mqtt_url(config.url));
  static_cast<void>(MqttFilter(config.topic));
  proto::TlsContext::ClientOptions trust;
  if (!config.tls.ca.empty()) {
    trust.ca = config.tls.ca;
    static_cast<void>(proto::TlsContext::client(trust));
  }
  if (config.tls.cert.empty() != config.tls.key.empty())
    throw std::invalid_argument("`tls.cert` and `tls.key` go together: both, or neither");
  if (!config.tls.cert.empty())
    static_cast<void>(proto::read_credentials(config.tls.cert, config.tls.key, std::time(nullptr)));
}

Mqtt::Mqtt(Context&& context)
    : name_(context.config.name),
      map_(context.config.map),
      limits_(context.limits),
      filter_(context.config.topic),
      home_(context.home),
      metrics_(context.metrics),
      post_(context.post),
      poison_(context.limits, context.metrics),
      losses_(context.home, context.metrics),
      link_(std::make_unique<MqttLink>(options_of(context), [this] { post_([this] { take_news(); }); })) {}

void Mqtt::stop() {
  link_->stop();
  metrics_.set_state(observe::SourceState::stopped);
}

// Without a wildcard and without a mapping all messages are one topic's.
bool Mqtt::may_have(std::string_view topic) const {
  return topic == name_ || !map_.topic.empty() || filter_.text().find_first_of("#+") != std::string::npos;
}

void Mqtt::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void Mqtt::pause() {
  paused_ = true;
  metrics_.paused.add();
}

void Mqtt::go_on() {
  paused_ = false;
  if (std::exchange(held_, false)) take_news();
}

void Mqtt::take_news() {
  if (paused_) {
    held_ = true;
    return;
  }
  bool more = false;
  const auto now = std::chrono::steady_clock::now();
  for (MqttNews& news : link_->take(more)) {
    switch (news.kind) {
      case MqttNews::Kind::connected:
        if (std::exchange(connected_before_, true)) metrics_.reconnects.add();
        if (std::exchange(away_, false)) losses_.announce(now);
        break;
      case MqttNews::Kind::subscribed:
        metrics_.set_state(observe::SourceState::up);
        break;
      case MqttNews::Kind::down:
        away_ = true;
        metrics_.set_state(observe::SourceState::down, fmt::format("{} (source.{}.url)", news.text, name_));
        break;
      case MqttNews::Kind::lost:
        losses_.announce(now);
        break;
      case MqttNews::Kind::too_large:
        poison_.count("larger than limits.event_size: dropped", news.topic);
        break;
      case MqttNews::Kind::message:
        take_message(std::move(news), now);
        break;
    }
  }
  if (more) post_([this] { take_news(); });
}

void Mqtt::take_message(MqttNews&& message, topic::TimePoint now) {
  const std::size_t hash = std::hash<std::string>()(message.topic);
  const bool seen = seen_.contains(hash);
  if (message.retained && seen) return;
  if (!seen && seen_.size() < limits_.topics) seen_.insert(hash);

  const auto below = map_.topic.empty() ? filter_.below(message.topic) : mapped(map_.topic, message).value_or("");
  const auto topic = below ? topic_below(name_, *below, limits_.topic_name) : std::nullopt;
  if (!topic) return poison_.count("no topic can be called so: dropped", message.topic);
  topic::Event event;
  if (!map_.event.empty()) event.type = mapped(map_.event, message).value_or("");
  if (!map_.key.empty()) event.key = mapped(map_.key, message);
  auto data = map_.data.empty() ? std::nullopt : mapped(map_.data, message);
  event.data = data ? std::move(*data) : std::move(message.text);

  if (!poison_.pass(event, message.topic)) return;
  const auto index = home_.open(*topic, now);
  if (!index) {
    home_.pass_over({}, now);
    return poison_.count("more topics than limits.topics: dropped", message.topic);
  }
  home_.append(*index, event, now);
  losses_.on_event(*index);
  metrics_.events.add();
}

// `topic` is the message's own field, all else is looked for in its payload.
std::optional<std::string> Mqtt::mapped(const std::string& mapping, const MqttNews& message) const {
  if (mapping == "topic") return message.topic;
  return by_pointer(message.text, pointer_of(mapping));
}

}  // namespace sluice::source
