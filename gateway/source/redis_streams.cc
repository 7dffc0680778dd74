#include "gateway/source/redis_streams.h"

#include <utility>

#include "gateway/source/redis_errors.h"
#include "gateway/source/redis_open.h"
#include "gateway/source/redis_publish.h"
#include "proto/check.h"

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::OpenResult;
using topic::PublishResult;

namespace {

constexpr const char *control_place = "control", *openings_place = "openings";  // of troubles

topic::TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

RedisStreams::RedisStreams(Context&& context)
    : context_(std::move(context)),
      template_(context_.config.name, context_.config.stream),
      tls_(make_redis_tls(context_.config)),
      poison_(context_.limits, context_.metrics),
      troubles_(context_.metrics),
      control_(make_redis_link(context_, buffers_, tls_.get(), "control")),
      openings_(*control_, context_.io, context_.random(), [this](const std::string& topic) { ask_open(topic); }),
      pages_(make_redis_link(context_, buffers_, tls_.get(), "pages"), context_, poison_, troubles_, ordinals_) {}

RedisStreams::~RedisStreams() = default;

void RedisStreams::start(topic::TimePoint) {
  troubles_.expect(control_place);
  control_->up = [this] {
    on_link_up(control_place);
    openings_.go_on();
  };
  control_->down = [this](const std::string& why) { troubles_.tell(control_place, why); };
  control_->start();
  pages_.start();
}

void RedisStreams::stop() {
  control_->connection().stop();
  pages_.stop();
  for (const auto& group : groups_) group->stop();
  context_.metrics.set_state(observe::SourceState::stopped);
}

void RedisStreams::on_link_up(const std::string& name) {
  if (troubles_.clear(name)) context_.metrics.reconnects.add();
}

// --- Topics --------------------------------------------------------------------------------------------------------

bool RedisStreams::may_have(std::string_view topic) const { return template_.key_of(topic).has_value(); }

void RedisStreams::open(const std::string& topic, topic::TimePoint now, std::function<void(OpenResult)> done) {
  if (!may_have(topic)) return done(OpenResult::unknown_topic);
  if (context_.home.find(topic)) {
    (void)context_.home.open(topic, now);  // it is used
    return done(OpenResult::opened);
  }
  opening_[topic].waiting.push_back(std::move(done));
  openings_.add(topic);
}

void RedisStreams::stop_opening(const std::set<std::string>& topics) {
  for (const std::string& topic : topics) opening_.erase(topic);
  openings_.drop(topics);
  if (opening_.empty()) troubles_.clear(openings_place);
}

// Where the stream is now: its topic begins there.
void RedisStreams::ask_open(const std::string& topic) {
  control_->ask({"XINFO", "STREAM", *template_.key_of(topic)}, [this, topic](const result<RedisReply>& reply) {
    if (!opening_.contains(topic)) return openings_.settle(topic);
    if (!reply) return openings_.put_off(topic);
    const auto info = parse_stream_info(*reply);
    if (!info) return on_refused_open(topic, reply->text);
    openings_.settle(topic);
    troubles_.clear(openings_place);
    const auto index = context_.home.open(topic, now(), redis_id(info->last));
    if (!index) return finish_open(topic, OpenResult::too_many_topics);
    add(topic, *index, *info);
    finish_open(topic, OpenResult::opened);
  });
}

// Only what the key says of itself is an answer: all else (busy, not allowed, still loading) passes, or can be mended.
void RedisStreams::on_refused_open(const std::string& topic, const std::string& why) {
  if (!std::exchange(opening_.at(topic).told, true))
    observe::log_event(observe::Level::warning, "a topic cannot be opened",
                       {{"source", context_.config.name}, {"topic", topic}, {"why", why}});
  if (why.starts_with("WRONGTYPE")) {
    openings_.settle(topic);
    return finish_open(topic, OpenResult::unknown_topic);
  }
  if (!is_about_key(why)) troubles_.tell(openings_place, "opening a topic: " + why);
  openings_.put_off(topic);
}

void RedisStreams::finish_open(const std::string& topic, OpenResult result) {
  const auto opening = opening_.extract(topic);
  for (const auto& done : opening.mapped().waiting) done(result);
}

void RedisStreams::add(const std::string& name, topic::TopicIndex index, const RedisStreamInfo& info) {
  const std::string key = *template_.key_of(name);
  const auto [place, added] = keys_.try_emplace(key, nullptr);
  if (!added) return;
  ordinals_.add(key, info.last, info.added);
  place->second = &group_with_room();
  place->second->add(key, index, info);
}

RedisGroup& RedisStreams::group_with_room() {
  for (const auto& group : groups_)
    if (group->topic_count() < RedisGroup::topics_max) return *group;
  RedisGroup& group = *groups_.emplace_back(std::make_unique<RedisGroup>(
      RedisGroup::Shared{context_, poison_, troubles_, ordinals_, *control_},
      make_redis_link(context_, buffers_, tls_.get(), "streams"), "group " + std::to_string(groups_.size() + 1)));
  if (paused_) group.pause();
  return group;
}

void RedisStreams::on_topic_closed(const std::string& name) {
  const auto key = template_.key_of(name);
  const auto found = key ? keys_.find(*key) : keys_.end();
  if (found == keys_.end()) return;
  found->second->remove(*key);
  keys_.erase(found);
}

void RedisStreams::pause() {
  paused_ = true;
  context_.metrics.paused.add();
  for (const auto& group : groups_) group->pause();
}

void RedisStreams::go_on() {
  paused_ = false;
  for (const auto& group : groups_) group->go_on();
}

// --- The past, and publishing --------------------------------------------------------------------------------------

void RedisStreams::read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) {
  const auto key = template_.key_of(request.topics.front());
  check(key.has_value(), "a page is read of a topic that was opened");
  pages_.read(*key, request, limits, std::move(done));
}

void RedisStreams::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                           std::function<void(PublishResult)> done) {
  if (!context_.config.publish) return done({.kind = PublishResult::Kind::not_publishable});
  const auto key = template_.key_of(topic);
  if (!key) return done({.kind = PublishResult::Kind::unknown_topic});
  redis_publish(*control_, *key, events, context_.config, std::move(done));
}

}  // namespace sluice::source
