#include "gateway/source/redis_channels.h"

#include <utility>

#include "gateway/source/mapping.h"
#include "gateway/source/redis_open.h"
#include "gateway/source/redis_publish.h"

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::OpenResult;
using topic::PublishResult;

namespace {
topic::TimePoint now() { return std::chrono::steady_clock::now(); }
}  // namespace

RedisChannels::RedisChannels(Context&& context)
    : context_(std::move(context)),
      template_(context_.config.name, context_.config.channel),
      tls_(make_redis_tls(context_.config)),
      poison_(context_.limits, context_.metrics),
      subscriptions_(make_redis_link(context_, buffers_, tls_.get(), "channels")) {
  if (context_.config.publish) control_ = make_redis_link(context_, buffers_, tls_.get(), "control");
}

void RedisChannels::start(topic::TimePoint) {
  subscriptions_->up = [this] { on_up(); };
  subscriptions_->down = [this](const std::string& why) {
    context_.metrics.set_state(observe::SourceState::down, why);
  };
  subscriptions_->message = [this](RedisReply&& reply) { on_message(std::move(reply)); };
  subscriptions_->start();
  if (control_) control_->start();
}

void RedisChannels::stop() {
  subscriptions_->connection().stop();
  if (control_) control_->connection().stop();
  context_.metrics.set_state(observe::SourceState::stopped);
}

void RedisChannels::on_up() {
  if (subscriptions_->connection().up_count() > 1) {
    context_.metrics.reconnects.add();
    for (const topic::TopicIndex topic : context_.home.all()) subscribe(context_.home.topics().log(topic).name());
  }
  context_.metrics.set_state(observe::SourceState::up);
  for (const auto& [topic, waiting] : opening_) subscribe(topic);
}

bool RedisChannels::may_have(std::string_view topic) const { return template_.key_of(topic).has_value(); }

void RedisChannels::open(const std::string& topic, topic::TimePoint now, OpenDone done) {
  if (!may_have(topic)) return done(OpenResult::unknown_topic);
  if (context_.home.find(topic)) {
    (void)context_.home.open(topic, now);  // it is used
    return done(OpenResult::opened);
  }
  auto& waiting = opening_[topic];
  waiting.push_back(std::move(done));
  if (waiting.size() == 1 && subscriptions_->is_up()) subscribe(topic);
}

void RedisChannels::subscribe(const std::string& topic) {
  subscriptions_->subscribe({"SUBSCRIBE", *template_.key_of(topic)}, [this, topic](const result<RedisReply>& reply) {
    if (!reply) return;  // lost: subscribed again when the connection is back
    if (reply->is_error()) return context_.metrics.set_state(observe::SourceState::down, "SUBSCRIBE: " + reply->text);
    // Whatever was published while nobody was subscribed is announced now that somebody is.
    if (const auto index = context_.home.find(topic)) {
      context_.home.append_gap(*index, topic::GapReason::source_lost, {}, now());
      context_.metrics.gaps.add();
    }
    finish_open(topic);
  });
}

void RedisChannels::finish_open(const std::string& topic) {
  const auto waiting = opening_.extract(topic);
  if (waiting.empty()) return;
  const bool opened = context_.home.open(topic, now()).has_value();
  for (const OpenDone& done : waiting.mapped()) done(opened ? OpenResult::opened : OpenResult::too_many_topics);
}

void RedisChannels::on_topic_closed(const std::string& topic) {
  if (subscriptions_->is_up())
    subscriptions_->subscribe({"UNSUBSCRIBE", *template_.key_of(topic)}, [](const result<RedisReply>&) {});
}

topic::Event RedisChannels::to_event(std::string&& payload) const {
  const config::Mapping& map = context_.config.map;
  topic::Event event;
  if (!map.event.empty()) event.type = by_pointer(payload, pointer_of(map.event)).value_or("");
  if (!map.key.empty()) event.key = by_pointer(payload, pointer_of(map.key));
  event.data = map.data.empty() ? std::move(payload) : by_pointer(payload, pointer_of(map.data)).value_or("");
  return event;
}

// {"message", channel, payload}
void RedisChannels::on_message(RedisReply&& reply) {
  if (reply.elements.size() != 3) return;
  const auto topic = template_.topic_of(reply.elements[1].text);
  const auto index = topic ? context_.home.find(*topic) : std::nullopt;
  if (!index) return;  // of a topic that has just closed
  const auto event = poison_.pass(to_event(std::move(reply.elements[2].text)), reply.elements[1].text);
  if (!event) return;
  context_.home.append(*index, *event, now());
  context_.metrics.events.add();
}

void RedisChannels::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                            std::function<void(PublishResult)> done) {
  if (!control_) return done({.kind = PublishResult::Kind::not_publishable});
  const auto channel = template_.key_of(topic);
  if (!channel) return done({.kind = PublishResult::Kind::unknown_topic});
  redis_announce(*control_, *channel, events, std::move(done));
}

void RedisChannels::pause() {
  context_.metrics.paused.add();
  subscriptions_->connection().pause_reading();
}

void RedisChannels::go_on() { subscriptions_->connection().resume_reading(); }

}  // namespace sluice::source
