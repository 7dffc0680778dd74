#include "gateway/source/redis_group.h"

#include <algorithm>
#include <utility>

#include "gateway/source/redis_errors.h"

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;
using topic::GapReason;
using topic::NumberPair;

namespace {

constexpr std::size_t alone_max = 16;  // transactions of one round: the others wait for the next
// How long the server may wait for something to send. With the time for an answer below the 10 s in which a server that
// hangs must be noticed.
constexpr RedisConnection::Milliseconds block_time{4000};
// Where the server does not let us end it earlier, so that a topic that joins waits no longer.
constexpr RedisConnection::Milliseconds short_block_time{250};
// How many quiet topics are looked at, and how often.
constexpr std::size_t look_max = 32;
// The memory of larger answers is not used again.
constexpr std::size_t given_back_max = 2UL * 1024 * 1024;
constexpr std::chrono::seconds look_interval{1};
// Between attempts at a key that is refused.
constexpr std::chrono::seconds wait_least{1}, wait_most{30};

topic::TimePoint now() { return std::chrono::steady_clock::now(); }

}  // namespace

struct RedisGroup::Topic {
  std::string key;
  topic::TopicIndex index = 0;
  NumberPair last;
  // How many entries the stream had ever been given when `last` was its newest.
  std::uint64_t ordinal = 0;
  std::uint64_t behind = 0;       // entries that it has and we do not, when last asked
  std::uint64_t first_round = 0;  // replies of earlier ones are of another topic of that key
  std::uint64_t asked = 0;        // in which round it was last read alone
  std::uint64_t looked_at = 0;    // in which round
  RedisBatch batch;               // read alone
  bool caught_up = true;          // else it is read alone, not before `again_at`
  topic::TimePoint again_at{};
  std::chrono::seconds wait{0};  // since it is refused; 0: it is not
};

RedisGroup::RedisGroup(const Shared& shared, std::unique_ptr<RedisLink> link, std::string place)
    : shared_(shared),
      place_(std::move(place)),
      backoff_(shared.context.random()),
      retry_(shared.context.io),
      unblock_(shared.context.io, shared.control, [this] { return joined_ && blocked_ && !stopped_; }),
      link_(std::move(link)) {
  link_->up = [this] { on_up(); };
  link_->down = [this](const std::string& why) { on_down(why); };
  link_->start();
}

RedisGroup::~RedisGroup() = default;

void RedisGroup::stop() {
  stopped_ = true;
  retry_.cancel();
  unblock_.stop();
  link_->connection().stop();
}

void RedisGroup::on_up() {
  ++round_;
  busy_ = blocked_ = searched_ = false;
  awaited_ = 0;
  refusal_.clear();
  batch_.start_again();
  for (const auto& [key, topic] : topics_) {
    topic->caught_up = false;  // what was missed may have been trimmed meanwhile
    topic->batch.start_again();
  }
  unblock_.learn_number(*link_);
  if (shared_.troubles.clear(place_)) shared_.context.metrics.reconnects.add();
  begin_round();
}

void RedisGroup::on_down(const std::string& why) {
  ++round_;
  busy_ = true;  // until it is up again
  blocked_ = false;
  shared_.troubles.tell(place_, why);
}

// --- Topics --------------------------------------------------------------------------------------------------------

void RedisGroup::add(const std::string& key, topic::TopicIndex index, const RedisStreamInfo& info) {
  auto topic = std::make_unique<Topic>();
  topic->key = key;
  topic->index = index;
  topic->last = info.last;
  topic->ordinal = info.added;
  topic->first_round = round_ + 1;
  topics_.emplace(key, std::move(topic));
  joined_ = true;
  if (blocked_)
    unblock_.say();
  else
    begin_round();
}

void RedisGroup::remove(const std::string& key) {
  const auto found = topics_.find(key);
  if (found == topics_.end()) return;
  note_behind(*found->second, 0);
  topics_.erase(found);
}

RedisGroup::Topic* RedisGroup::find(const std::string& key) {
  const auto found = topics_.find(key);
  return found == topics_.end() || found->second->first_round > round_ ? nullptr : found->second.get();
}

void RedisGroup::go_on() {
  paused_ = false;
  for (const auto& [key, topic] : topics_) topic->caught_up = false;  // each may have got much meanwhile
  begin_round();
}

// --- Rounds --------------------------------------------------------------------------------------------------------

void RedisGroup::begin_round() {
  if (busy_ || paused_ || stopped_ || topics_.empty()) return;
  const topic::TimePoint time = now();
  topic::TimePoint next = topic::TimePoint::max();
  std::vector<Topic*> ready, behind;
  for (const auto& [key, topic] : topics_)
    if (topic->caught_up)
      ready.push_back(topic.get());
    else if (topic->again_at <= time)
      behind.push_back(topic.get());
    else
      next = std::min(next, topic->again_at);
  if (ready.empty() && behind.empty()) return wait_until(next);
  busy_ = true;
  joined_ = false;
  ++round_;
  std::ranges::sort(behind, {}, &Topic::asked);
  if (behind.size() > alone_max) behind.resize(alone_max);
  for (Topic* topic : behind) read_alone(*topic);
  look_at(ready);
  if (!ready.empty()) read_together(ready, behind.empty());
}

void RedisGroup::end_part() {
  if (--awaited_ != 0) return;
  if (!refusal_.empty()) {
    shared_.troubles.tell(place_, std::exchange(refusal_, {}));
    return wait_until(now() + backoff_.next());
  }
  backoff_.reset();
  shared_.troubles.clear(place_);
  busy_ = false;
  begin_round();
}

void RedisGroup::wait_until(topic::TimePoint time) {
  retry_.expires_at(time);
  retry_.async_wait([this, round = round_](const boost::system::error_code& error) {
    if (error || round_ != round) return;
    busy_ = false;
    begin_round();
  });
}

bool RedisGroup::is_due(std::uint64_t round, const result<RedisReply>& reply) {
  if (round_ != round) return false;
  if (reply) return true;
  if (link_->is_up()) {  // else it was lost, and on_down() follows
    refuse(reply.error().message());
    end_part();
  }
  return false;
}

void RedisGroup::refuse(const std::string& why) {
  if (refusal_.empty()) refusal_ = "reading streams: " + why;
}

void RedisGroup::refuse(Topic& topic, const std::string& why) {
  topic.caught_up = false;
  if (!is_about_key(why)) return refuse(why);
  searched_ = false;
  if (topic.wait.count() == 0)
    observe::log_event(observe::Level::warning, "a topic cannot be read: it waits, the others go on",
                       {{"source", shared_.context.config.name}, {"key", topic.key}, {"why", why}});
  topic.wait = std::clamp(2 * topic.wait, wait_least, wait_most);
  topic.again_at = now() + topic.wait;
}

// --- XINFO of a few ------------------------------------------------------------------------------------------------

// A stream that was deleted and made anew with lower ids never comes out of XREAD.
void RedisGroup::look_at(std::vector<Topic*> ready) {
  if (ready.empty() || now() < look_due_) return;
  look_due_ = now() + look_interval;
  std::ranges::sort(ready, {}, &Topic::looked_at);
  if (ready.size() > look_max) ready.resize(look_max);
  for (Topic* topic : ready) {
    topic->looked_at = round_;
    ++awaited_;
    link_->ask({"XINFO", "STREAM", topic->key},
               [this, round = round_, key = topic->key](const result<RedisReply>& reply) {
                 if (!is_due(round, reply)) return;
                 if (Topic* found = find(key)) {
                   const auto info = parse_stream_info(*reply);
                   if (!info)
                     refuse(*found, reply->text);
                   else if (info->exists && info->last < found->last)
                     found->caught_up = false;
                 }
                 end_part();
               });
  }
}

// --- XREAD of many -------------------------------------------------------------------------------------------------

void RedisGroup::read_together(const std::vector<Topic*>& ready, bool block) {
  const std::size_t count = std::max<std::size_t>(batch_.count() / ready.size(), 1);
  std::vector<std::string> words = {"XREAD", "COUNT", std::to_string(count)};
  const auto block_for = unblock_.is_possible() ? block_time : short_block_time;
  if (block) words.insert(words.end(), {"BLOCK", std::to_string(block_for.count())});
  words.emplace_back("STREAMS");
  for (const Topic* topic : ready) words.push_back(topic->key);
  for (const Topic* topic : ready) words.push_back(redis_id(topic->last));
  blocked_ = block;
  ++awaited_;
  const auto take = [this, round = round_, count](result<RedisReply> reply) {
    if (round_ == round) blocked_ = false;
    if (!is_due(round, reply)) return;
    on_batch(round, count, std::move(*reply));
    end_part();
  };
  link_->ask(words, take, block ? block_for : RedisConnection::Milliseconds(0));
}

void RedisGroup::on_batch(std::uint64_t round, std::size_t count, RedisReply&& reply) {
  if (reply.is_error()) {
    // It does not say which key: each is tried alone, and the wrong one found.
    if (!is_about_key(reply.text) || std::exchange(searched_, true)) return refuse(reply.text);
    for (const auto& [key, topic] : topics_) topic->caught_up = false;
    return;
  }
  searched_ = false;
  const auto held = std::make_shared<RedisReply>(std::move(reply));
  const bool ordinary = link_->connection().reply_size() <= given_back_max;
  for (const RedisReply& stream : held->elements) {
    if (stream.elements.size() == 2)
      batch_.note(stream.elements[1].elements.size() >= count, largest_entry(stream.elements[1]));
    if (stream.elements.size() != 2 || find(stream.elements[0].text) == nullptr) continue;
    ++awaited_;
    link_->ask({"XINFO", "STREAM", stream.elements[0].text},
               [this, round, count, held, ordinary, &stream](const result<RedisReply>& answer) {
                 if (!is_due(round, answer)) return;
                 if (Topic* topic = find(stream.elements[0].text)) {
                   if (const auto info = parse_stream_info(*answer))
                     judge(*topic, parse_entries(stream.elements[1]), *info, count);
                   else
                     refuse(*topic, answer->text);
                 }
                 if (ordinary && held.use_count() == 1) link_->connection().give_back(std::move(*held));
                 end_part();
               });
  }
}

// The entry that was read last would still be there, of a stream that has lost none.
bool RedisGroup::is_another(const Topic& topic, const RedisStreamInfo& info) {
  return topic.ordinal != 0 && info.removed() == 0 && info.length != 0 && topic.last < info.first;
}

// Whether the batch follows what was appended last without a hole.
void RedisGroup::judge(Topic& topic, const std::vector<RedisEntry>& entries, const RedisStreamInfo& info,
                       std::size_t count) {
  const bool whole =
      topic.ordinal >= info.removed() && info.added >= topic.ordinal + entries.size() && !is_another(topic, info);
  // One that has more to give than its share of an answer gets answers of its own.
  topic.caught_up = whole && (entries.size() < count || count >= topic.batch.count());
  if (!whole) return;  // read again together with what is gone, alone
  append(topic, entries);
  topic.ordinal = topic.last == info.last ? info.added : topic.ordinal + entries.size();
  note_behind(topic, info.added - std::min(info.added, topic.ordinal));
}

// --- XREAD and XINFO of one ----------------------------------------------------------------------------------------

void RedisGroup::read_alone(Topic& topic) {
  topic.asked = round_;
  const std::size_t count = topic.batch.count();
  ++awaited_;
  const std::vector<std::vector<std::string>> commands = {
      {"XINFO", "STREAM", topic.key},
      {"XREAD", "COUNT", std::to_string(count), "STREAMS", topic.key, redis_id(topic.last)}};
  link_->transaction(commands, [this, round = round_, count, key = topic.key](result<RedisReply> reply) {
    if (!is_due(round, reply)) return;
    if (Topic* found = find(key)) take_transaction(*found, count, *reply);
    if (link_->connection().reply_size() <= given_back_max) link_->connection().give_back(std::move(*reply));
    end_part();
  });
}

void RedisGroup::take_transaction(Topic& topic, std::size_t count, const RedisReply& reply) {
  if (reply.is_error()) return refuse(topic, reply.text);
  const auto info = parse_stream_info(reply.elements[0]);
  if (!info) return refuse(topic, reply.elements[0].text);
  if (std::exchange(topic.wait, std::chrono::seconds(0)).count() != 0)
    observe::log_event(observe::Level::info, "a topic is read again",
                       {{"source", shared_.context.config.name}, {"key", topic.key}});
  if (info->last < topic.last) {
    shared_.ordinals.clear();
    shared_.context.home.restart(topic.index, "0-0", GapReason::recreated, now());
    shared_.context.metrics.gaps.add();
    topic.last = {};
    topic.ordinal = 0;
    return;  // and once more, from its beginning
  }
  const NumberPair before_first = std::max(topic.last, info->length == 0 ? info->last : redis_id_before(info->first));
  if (info->added < topic.ordinal || is_another(topic, *info)) {  // made anew, by ids that go on above the old ones
    shared_.ordinals.clear();
    // Behind the last of the old ones: who has had that one, and comes back, is told as well.
    lose(topic, GapReason::recreated, before_first);
    topic.ordinal = info->removed();
  }
  if (topic.ordinal < info->removed()) {
    lose(topic, GapReason::trimmed, before_first);
    topic.ordinal = info->removed();
  }
  std::size_t got = 0, largest = info->newest_size;
  if (!reply.elements[1].elements.empty() && reply.elements[1].elements[0].elements.size() == 2) {
    const RedisReply& array = reply.elements[1].elements[0].elements[1];
    const std::vector<RedisEntry> entries = parse_entries(array);
    got = entries.size();
    largest = std::max(largest, largest_entry(array));
    append(topic, entries);
  }
  topic.batch.note(got >= count, largest);
  topic.ordinal = topic.last == info->last ? info->added : topic.ordinal + got;
  note_behind(topic, info->added - std::min(info->added, topic.ordinal));
  topic.caught_up = got < count;
}

// --- What came -----------------------------------------------------------------------------------------------------

void RedisGroup::lose(Topic& topic, GapReason reason, const NumberPair& to) {
  shared_.context.home.append_gap(topic.index, reason, redis_id(to), now());
  shared_.context.metrics.gaps.add();
  topic.last = to;
}

void RedisGroup::append(Topic& topic, const std::vector<RedisEntry>& entries) {
  const topic::TimePoint time = now();
  std::uint64_t ordinal = topic.ordinal;
  topic::Event event;
  for (const RedisEntry& entry : entries) {
    if (entry.id <= topic.last) continue;
    shared_.ordinals.add(topic.key, entry.id, ++ordinal);
    topic.last = entry.id;
    set_event(event, entry, shared_.context.config.map);
    if (!shared_.poison.pass(event, [&] { return topic.key + " " + redis_id(entry.id); })) continue;
    shared_.context.home.append(topic.index, entry.position, event, time);
    shared_.context.metrics.events.add();
  }
}

void RedisGroup::note_behind(Topic& topic, std::uint64_t behind) {
  shared_.context.metrics.lag.add(static_cast<std::int64_t>(behind) - static_cast<std::int64_t>(topic.behind));
  topic.behind = behind;
}

}  // namespace sluice::source
