#include "gateway/source/redis_channels.h"

#include <boost/asio/post.hpp>
#include <utility>

#include "gateway/source/mapping.h"
#include "gateway/source/redis_errors.h"
#include "gateway/source/redis_open.h"
#include "gateway/source/redis_publish.h"

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::OpenResult;
using topic::PublishResult;

namespace {
// Of troubles.
constexpr const char *connection_place = "channels", *control_place = "control", *subscribing_place = "subscribing";

topic::TimePoint now() { return std::chrono::steady_clock::now(); }
}  // namespace

RedisChannels::RedisChannels(Context&& context)
    : context_(std::move(context)),
      template_(context_.config.name, context_.config.channel),
      tls_(make_redis_tls(context_.config)),
      poison_(context_.limits, context_.metrics),
      troubles_(context_.metrics),
      subscriptions_(make_redis_link(context_, buffers_, tls_.get(), "channels")),
      unaligned_(*subscriptions_, context_.io, context_.random(), [this](const std::string& topic) { align(topic); }) {
  if (context_.config.publish) control_ = make_redis_link(context_, buffers_, tls_.get(), "control");
}

void RedisChannels::start(topic::TimePoint) {
  troubles_.expect(connection_place);
  subscriptions_->up = [this] { on_up(); };
  subscriptions_->down = [this](const std::string& why) {
    subscribed_.clear();
    troubles_.tell(connection_place, why);
  };
  subscriptions_->message = [this](RedisReply&& reply) { on_message(std::move(reply)); };
  subscriptions_->start();
  if (!control_) return;
  troubles_.expect(control_place);
  control_->up = [this] { troubles_.clear(control_place); };
  control_->down = [this](const std::string& why) { troubles_.tell(control_place, why); };
  control_->start();
}

void RedisChannels::stop() {
  subscriptions_->connection().stop();
  if (control_) control_->connection().stop();
  context_.metrics.set_state(observe::SourceState::stopped);
}

void RedisChannels::on_up() {
  if (subscriptions_->connection().up_count() > 1) context_.metrics.reconnects.add();
  troubles_.clear(connection_place);
  for (const topic::TopicIndex topic : context_.home.all()) unaligned_.add(context_.home.topics().log(topic).name());
  unaligned_.go_on();
}

bool RedisChannels::may_have(std::string_view topic) const { return template_.key_of(topic).has_value(); }

void RedisChannels::open(const std::string& topic, topic::TimePoint now, OpenDone done) {
  if (!may_have(topic)) return done(OpenResult::unknown_topic);
  if (context_.home.find(topic)) {
    (void)context_.home.open(topic, now);  // it is used
    return done(OpenResult::opened);
  }
  opening_[topic].push_back(std::move(done));
  unaligned_.add(topic);
}

void RedisChannels::stop_opening(const std::set<std::string>& topics) {
  std::set<std::string> unheard;  // the others are unsubscribed
  for (const std::string& topic : topics) {
    opening_.erase(topic);
    refused_.erase(topic);
    if (!subscribed_.contains(topic)) unheard.insert(topic);
  }
  unaligned_.drop(unheard);
  if (opening_.empty()) troubles_.clear(subscribing_place);
}

bool RedisChannels::is_wanted(const std::string& topic) const {
  return opening_.contains(topic) || context_.home.find(topic).has_value();
}

void RedisChannels::align(const std::string& topic) {
  const bool wanted = is_wanted(topic);
  if (wanted && !subscribed_.contains(topic)) return subscribe(topic);
  if (!wanted && subscribed_.contains(topic)) return unsubscribe(topic);
  unaligned_.settle(topic);
  finish_open(topic);  // again, before it was unsubscribed
}

void RedisChannels::subscribe(const std::string& topic) {
  subscriptions_->subscribe({"SUBSCRIBE", *template_.key_of(topic)}, [this, topic](const result<RedisReply>& reply) {
    if (!reply) return unaligned_.put_off(topic);
    if (reply->is_error() && !is_wanted(topic)) return unaligned_.settle(topic);
    if (reply->is_error()) {
      if (!is_about_key(reply->text)) troubles_.tell(subscribing_place, "SUBSCRIBE: " + reply->text);
      if (refused_.insert(topic).second)
        observe::log_event(observe::Level::warning, "a topic cannot be opened",
                           {{"source", context_.config.name}, {"topic", topic}, {"why", reply->text}});
      return unaligned_.put_off(topic);
    }
    troubles_.clear(subscribing_place);
    refused_.erase(topic);
    subscribed_.insert(topic);
    unaligned_.settle(topic);
    // Whatever was published while nobody was subscribed is announced now that somebody is.
    if (const auto index = context_.home.find(topic)) {
      context_.home.append_gap(*index, topic::GapReason::source_lost, {}, now());
      context_.metrics.gaps.add();
    }
    finish_open(topic);
    if (!is_wanted(topic)) unaligned_.add(topic);  // no room for it, or closed meanwhile
  });
}

void RedisChannels::unsubscribe(const std::string& topic) {
  subscriptions_->subscribe({"UNSUBSCRIBE", *template_.key_of(topic)}, [this, topic](const result<RedisReply>& reply) {
    if (!reply || reply->is_error()) return unaligned_.put_off(topic);
    subscribed_.erase(topic);
    unaligned_.settle(topic);
    if (is_wanted(topic)) unaligned_.add(topic);
  });
}

void RedisChannels::finish_open(const std::string& topic) {
  const auto waiting = opening_.extract(topic);
  if (waiting.empty()) return;
  // Nobody has heard the channel until now: what an id from an earlier opening has missed is announced.
  context_.home.lose_unopened(topic::GapReason::source_lost, {}, now());
  const bool opened = context_.home.open(topic, now()).has_value();
  for (const OpenDone& done : waiting.mapped()) done(opened ? OpenResult::opened : OpenResult::too_many_topics);
}

// Called while its home forgets the topic: it is not wanted any more only afterwards.
void RedisChannels::on_topic_closed(const std::string& topic) {
  refused_.erase(topic);
  recent_.reset();
  boost::asio::post(context_.io, [this, topic, alive = std::weak_ptr(alive_)] {
    if (!alive.expired() && !is_wanted(topic)) unaligned_.add(topic);
  });
}

// Event and reply exchange their strings, whose memory is used again and again.
void RedisChannels::set_event(std::string& payload) {
  const config::Mapping& map = context_.config.map;
  event_.type = map.event.empty() ? std::string() : by_pointer(payload, pointer_of(map.event)).value_or("");
  if (!map.key.empty()) event_.key = by_pointer(payload, pointer_of(map.key));
  if (map.data.empty())
    event_.data.swap(payload);
  else
    event_.data = by_pointer(payload, pointer_of(map.data)).value_or("");
}

// {"message", channel, payload}
void RedisChannels::on_message(RedisReply&& reply) {
  if (reply.elements.size() != 3) return;
  const std::string& channel = reply.elements[1].text;
  if (!recent_ || recent_->channel != channel) {
    const auto topic = template_.topic_of(channel);
    const auto index = topic ? context_.home.find(*topic) : std::nullopt;
    if (!index) return;  // of a topic that has just closed
    recent_ = {.channel = channel, .topic = *index};
  }
  set_event(reply.elements[2].text);
  if (!poison_.pass(event_, channel)) return;
  context_.home.append(recent_->topic, event_, subscriptions_->connection().heard());
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
