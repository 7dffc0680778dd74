// RedisStreams: topics from Redis streams, `stream = "orders"` or one per captured value of `orders:{region}`, opened
// on first use. One XREAD serves up to 256 of them. Positions are the entries' ids, per topic, valid on every node.
// Owned by its home worker, on its thread; three kinds of connections: one for short commands, one for pages of the
// past, and one per group of topics, which blocks. A batch is appended only when XINFO says that nothing of it was
// trimmed unread (XREAD from a trimmed id skips without a word); else the stream is read again in one transaction with
// XINFO, and the loss is announced in its place. Invariant: a topic's `last` is the id of its newest entry here, and
// every newer one of the stream is still to come.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/source/poison.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_pages.h"
#include "gateway/source/redis_stream.h"
#include "gateway/source/redis_template.h"
#include "gateway/source/redis_window.h"
#include "gateway/source/source.h"
#include "gateway/source/troubles.h"

namespace sluice::source {

class RedisStreams final : public Source {
 public:
  explicit RedisStreams(Context&& context);
  ~RedisStreams() override;

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  [[nodiscard]] bool has_wildcards() const override { return false; }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void on_topic_closed(const std::string& topic) override;
  void pause() override;
  void go_on() override;

 private:
  struct Topic;
  struct Group;
  struct Opening {
    std::vector<std::function<void(topic::OpenResult)>> waiting;
    bool told = false;  // that it was refused
  };

  // Of the connection of that name.
  void on_link_up(const std::string& name);
  void ask_open(const std::string& topic);
  void on_refused_open(const std::string& topic, const std::string& why);
  void finish_open(const std::string& topic, topic::OpenResult result);
  void add(const std::string& topic, topic::TopicIndex index, const RedisStreamInfo& info);
  [[nodiscard]] Group& group_with_room();
  void unblock(const Group& group);

  // A group's round: topics that must catch up do, then XREAD, then XINFO for what came, then the next round.
  void begin_round(Group& group);
  void on_batch(Group& group, std::uint64_t round, proto::RedisReply&& reply);
  void judge(Topic& topic, const std::vector<RedisEntry>& entries, const RedisStreamInfo& info);
  void catch_up(Group& group, std::uint64_t round, const std::string& name);
  void take_transaction(Topic& topic, const proto::RedisReply& reply);
  void append(Topic& topic, const std::vector<RedisEntry>& entries);
  void note_behind(Topic& topic, std::uint64_t behind);
  void lose(Topic& topic, topic::GapReason reason, const topic::NumberPair& to);

  Context context_;
  const RedisTemplate template_;
  std::unique_ptr<proto::TlsContext> tls_;
  client::ReadBuffers buffers_;
  Poison poison_;
  Troubles troubles_;
  std::unique_ptr<RedisLink> control_;
  RedisWindow openings_;
  RedisPages pages_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;  // by key
  std::map<std::string, Opening> opening_;                          // by topic
  bool paused_ = false, stopped_ = false;
};

}  // namespace sluice::source
