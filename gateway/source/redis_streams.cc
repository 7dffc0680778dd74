#include "gateway/source/redis_streams.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "gateway/source/redis_errors.h"
#include "gateway/source/redis_open.h"
#include "gateway/source/redis_publish.h"
#include "proto/check.h"

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::GapReason;
using topic::NumberPair;
using topic::OpenResult;
using topic::PublishResult;

namespace {
constexpr std::size_t topics_per_group = 256;  // one blocking command with more keys delays the others on its server
constexpr std::size_t batch = 1000;            // entries of one key in one reply
// How long the server may wait for something to send. With the time for an answer below the 10 s in which a server that
// hangs must be noticed.
constexpr RedisConnection::Milliseconds block_time{4000};

constexpr std::chrono::seconds retry_time{1};
constexpr std::size_t openings_max = 10'000;  // topics that wait for Redis

// Places of troubles.
constexpr const char *control_place = "control", *openings_place = "openings", *groups_place = "groups";

topic::TimePoint now() { return std::chrono::steady_clock::now(); }

void ignore(const result<RedisReply>&) {}
}  // namespace

struct RedisStreams::Topic {
  std::string name, key;
  topic::TopicIndex index = 0;
  Group* group = nullptr;
  NumberPair last;
  // How many entries the stream had ever been given when `last` was its newest.
  std::uint64_t ordinal = 0;
  std::uint64_t behind = 0;  // entries that it has and we do not, when last asked
  bool caught_up = false;
};

struct RedisStreams::Group {
  explicit Group(boost::asio::io_context& loop) : retry(loop) {}
  std::unique_ptr<RedisLink> link;
  boost::asio::steady_timer retry;  // after a refusal of the server
  std::vector<Topic*> topics;
  std::string client_id;    // to unblock it by
  std::uint64_t round = 0;  // late replies of another connection are dropped by it
  std::size_t awaited = 0;  // replies until the next round
  bool busy = false, blocked = false;
};

RedisStreams::RedisStreams(Context&& context)
    : context_(std::move(context)),
      template_(context_.config.name, context_.config.stream),
      tls_(make_redis_tls(context_.config)),
      poison_(context_.limits, context_.metrics),
      troubles_(context_.metrics),
      control_(make_redis_link(context_, buffers_, tls_.get(), "control")),
      openings_(*control_, context_.io, context_.random(), [this](const std::string& topic) { ask_open(topic); }),
      pages_(make_redis_link(context_, buffers_, tls_.get(), "pages"), context_, poison_, troubles_) {}

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
  stopped_ = true;
  control_->connection().stop();
  pages_.stop();
  for (const auto& group : groups_) group->link->connection().stop();
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
  if (opening_.size() >= openings_max && !opening_.contains(topic)) return done(OpenResult::too_many_topics);
  opening_[topic].waiting.push_back(std::move(done));
  openings_.add(topic);
}

// Where the stream is now: its topic begins there.
void RedisStreams::ask_open(const std::string& topic) {
  control_->ask({"XINFO", "STREAM", *template_.key_of(topic)}, [this, topic](const result<RedisReply>& reply) {
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
  if (topics_.contains(key)) return;
  Group& group = group_with_room();
  auto topic = std::make_unique<Topic>();
  topic->name = name;
  topic->key = key;
  topic->index = index;
  topic->group = &group;
  topic->last = info.last;
  topic->ordinal = info.added;
  topic->caught_up = true;
  group.topics.push_back(topic.get());
  topics_.emplace(key, std::move(topic));
  if (group.blocked)
    unblock(group);
  else
    begin_round(group);
}

RedisStreams::Group& RedisStreams::group_with_room() {
  for (const auto& group : groups_)
    if (group->topics.size() < topics_per_group) return *group;
  Group& group = *groups_.emplace_back(std::make_unique<Group>(context_.io));
  group.link = make_redis_link(context_, buffers_, tls_.get(), "streams");
  group.link->up = [this, &group] {
    ++group.round;
    group.busy = group.blocked = false;
    group.awaited = 0;
    group.client_id.clear();
    for (Topic* topic : group.topics) topic->caught_up = false;  // what was missed may have been trimmed meanwhile
    group.link->ask({"CLIENT", "ID"}, [&group](const result<RedisReply>& reply) {
      if (reply && reply->kind == RedisReply::Kind::integer) group.client_id = std::to_string(reply->integer);
    });
    on_link_up(groups_place);
    begin_round(group);
  };
  group.link->down = [this, &group](const std::string& why) {
    ++group.round;
    group.busy = true;  // until it is up again
    group.blocked = false;
    troubles_.tell(groups_place, why);
  };
  group.busy = true;
  group.link->start();
  return group;
}

void RedisStreams::unblock(const Group& group) {
  if (!group.client_id.empty()) control_->ask({"CLIENT", "UNBLOCK", group.client_id}, ignore);
}

void RedisStreams::on_topic_closed(const std::string& name) {
  const auto key = template_.key_of(name);
  const auto found = key ? topics_.find(*key) : topics_.end();
  if (found == topics_.end()) return;
  note_behind(*found->second, 0);
  std::erase(found->second->group->topics, found->second.get());
  topics_.erase(found);
}

void RedisStreams::pause() {
  paused_ = true;
  context_.metrics.paused.add();
}

void RedisStreams::go_on() {
  paused_ = false;
  for (const auto& group : groups_) begin_round(*group);
}

// --- Rounds --------------------------------------------------------------------------------------------------------

void RedisStreams::begin_round(Group& group) {
  if (group.busy || paused_ || stopped_ || group.topics.empty()) return;
  group.busy = true;
  const std::uint64_t round = ++group.round;
  for (const Topic* topic : group.topics)
    if (!topic->caught_up) {
      ++group.awaited;
      catch_up(group, round, topic->key);
    }
  if (group.awaited != 0) return;
  std::vector<std::string> words = {
      "XREAD", "COUNT", std::to_string(batch), "BLOCK", std::to_string(block_time.count()), "STREAMS"};
  for (const Topic* topic : group.topics) words.push_back(topic->key);
  for (const Topic* topic : group.topics) words.push_back(redis_id(topic->last));
  group.blocked = true;
  group.link->ask(
      words,
      [this, &group, round](result<RedisReply> reply) {
        if (!reply || group.round != round) return;
        group.blocked = false;
        on_batch(group, round, std::move(*reply));
      },
      block_time);
}

void RedisStreams::on_batch(Group& group, std::uint64_t round, RedisReply&& reply) {
  if (reply.is_error()) {
    // Somebody put another type in the stream's place: until that is mended this group waits, and says so.
    troubles_.tell(groups_place, fmt::format("XREAD: {}", reply.text));
    group.retry.expires_after(retry_time);
    group.retry.async_wait([this, &group, round](const boost::system::error_code& error) {
      if (error || group.round != round) return;
      group.busy = false;
      begin_round(group);
    });
    return;
  }
  const auto held = std::make_shared<const RedisReply>(std::move(reply));
  for (const RedisReply& stream : held->elements) {
    if (stream.elements.size() != 2 || !topics_.contains(stream.elements[0].text)) continue;
    ++group.awaited;
    group.link->ask({"XINFO", "STREAM", stream.elements[0].text},
                    [this, &group, round, held, &stream](const result<RedisReply>& answer) {
                      if (!answer || group.round != round) return;
                      const auto topic = topics_.find(stream.elements[0].text);
                      const auto info = parse_stream_info(*answer);
                      if (topic != topics_.end() && info)
                        judge(*topic->second, parse_entries(stream.elements[1]), *info);
                      else if (topic != topics_.end())
                        topic->second->caught_up = false;  // read again by catch_up(), which says what is wrong
                      if (--group.awaited != 0) return;
                      group.busy = false;
                      begin_round(group);
                    });
  }
  if (group.awaited != 0) return;
  group.busy = false;
  begin_round(group);
}

// Whether the batch follows what was appended last without a hole.
void RedisStreams::judge(Topic& topic, const std::vector<RedisEntry>& entries, const RedisStreamInfo& info) {
  const bool whole = topic.ordinal >= info.removed() && info.added >= topic.ordinal + entries.size();
  topic.caught_up = whole;
  if (!whole) return;  // read again together with what is gone, by catch_up()
  append(topic, entries);
  topic.ordinal = topic.last == info.last ? info.added : topic.ordinal + entries.size();
  note_behind(topic, info.added - std::min(info.added, topic.ordinal));
}

void RedisStreams::catch_up(Group& group, std::uint64_t round, const std::string& key) {
  const auto found = topics_.find(key);
  if (found == topics_.end()) return;
  group.link->ask({"MULTI"}, ignore);
  group.link->ask({"XINFO", "STREAM", key}, ignore);
  group.link->ask({"XREAD", "COUNT", std::to_string(batch), "STREAMS", key, redis_id(found->second->last)}, ignore);
  group.link->ask({"EXEC"}, [this, &group, round, key](const result<RedisReply>& reply) {
    if (!reply || group.round != round) return;
    if (const auto topic = topics_.find(key); topic != topics_.end()) take_transaction(*topic->second, *reply);
    if (--group.awaited != 0) return;
    group.busy = false;
    begin_round(group);  // once more for who has not all yet
  });
}

void RedisStreams::take_transaction(Topic& topic, const RedisReply& reply) {
  const auto info = reply.elements.size() == 2 ? parse_stream_info(reply.elements[0]) : std::nullopt;
  if (!info) {
    troubles_.tell(groups_place, fmt::format("the key `{}` is no stream any more", topic.key));
    topic.caught_up = true;  // XREAD says so too, in its own time
    return;
  }
  if (info->last < topic.last) {
    context_.home.restart(topic.index, "0-0", GapReason::recreated, now());
    context_.metrics.gaps.add();
    topic.last = {};
    topic.ordinal = 0;
    return;  // and once more, from its beginning
  }
  if (info->added < topic.ordinal) {  // made anew, by ids that go on above the old ones
    lose(topic, GapReason::recreated, topic.last);
    topic.ordinal = info->removed();
  }
  if (topic.ordinal < info->removed()) {
    const NumberPair to = info->length == 0 ? info->last : std::max(topic.last, redis_id_before(info->first));
    lose(topic, GapReason::trimmed, to);
    topic.ordinal = info->removed();
  }
  std::size_t count = 0;
  if (!reply.elements[1].elements.empty() && reply.elements[1].elements[0].elements.size() == 2) {
    const std::vector<RedisEntry> entries = parse_entries(reply.elements[1].elements[0].elements[1]);
    count = entries.size();
    append(topic, entries);
  }
  topic.ordinal = topic.last == info->last ? info->added : topic.ordinal + count;
  note_behind(topic, info->added - std::min(info->added, topic.ordinal));
  topic.caught_up = count < batch;
  if (topic.caught_up) troubles_.clear(groups_place);
}

void RedisStreams::lose(Topic& topic, GapReason reason, const NumberPair& to) {
  context_.home.append_gap(topic.index, reason, redis_id(to), now());
  context_.metrics.gaps.add();
  topic.last = to;
}

void RedisStreams::append(Topic& topic, const std::vector<RedisEntry>& entries) {
  const topic::TimePoint time = now();
  for (const RedisEntry& entry : entries) {
    if (entry.id <= topic.last) continue;
    topic.last = entry.id;
    const std::string position = redis_id(entry.id);
    if (const auto event = poison_.pass(to_event(entry, context_.config.map), topic.key + " " + position)) {
      context_.home.append(topic.index, position, *event, time);
      context_.metrics.events.add();
    }
  }
}

void RedisStreams::note_behind(Topic& topic, std::uint64_t behind) {
  context_.metrics.lag.add(static_cast<std::int64_t>(behind) - static_cast<std::int64_t>(topic.behind));
  topic.behind = behind;
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
