// RedisGroup: up to 256 Redis streams that are read through one connection, in rounds: one XREAD for all that have what
// there is, which blocks; then XINFO for what came: it is appended only when nothing between was trimmed unread (XREAD
// from a trimmed id skips without a word). A stream that may have missed something, or has a long way to go, is read
// alone, in one transaction with XINFO, and a loss is announced in its place. A key that the server refuses (another
// type, no permission) is taken out of XREAD and tried alone, ever more slowly; what it refuses for any other reason
// holds the whole group likewise. Answers are kept to about a MiB. Owned by RedisStreams, on its home worker's loop.
// Invariant: a topic's `last` is the id of its newest entry here, and every newer one of the stream is still to come.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/source/poison.h"
#include "gateway/source/redis_batch.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_ordinals.h"
#include "gateway/source/redis_stream.h"
#include "gateway/source/redis_unblock.h"
#include "gateway/source/source.h"
#include "gateway/source/troubles.h"

namespace sluice::source {

class RedisGroup {
 public:
  static constexpr std::size_t topics_max = 256;  // one command with more keys delays the others on its server

  // What it shares with the other groups; all outlive it.
  struct Shared {
    Context& context;
    Poison& poison;
    Troubles& troubles;
    RedisOrdinals& ordinals;
    RedisLink& control;
  };
  // `place`: where its troubles are told.
  RedisGroup(const Shared& shared, std::unique_ptr<RedisLink> link, std::string place);
  ~RedisGroup();
  RedisGroup(const RedisGroup&) = delete;
  RedisGroup& operator=(const RedisGroup&) = delete;

  void add(const std::string& key, topic::TopicIndex index, const RedisStreamInfo& info);
  void remove(const std::string& key);
  void pause() { paused_ = true; }
  void go_on();
  void stop();
  [[nodiscard]] std::size_t topic_count() const { return topics_.size(); }

 private:
  struct Topic;

  void on_up();
  void on_down(const std::string& why);

  void begin_round();
  void read_together(const std::vector<Topic*>& ready, bool block);
  // `count`: how many entries of each it asked for.
  void on_batch(std::uint64_t round, std::size_t count, proto::RedisReply&& reply);
  void judge(Topic& topic, const std::vector<RedisEntry>& entries, const RedisStreamInfo& info, std::size_t count);
  // Whether a few of them are still the streams that they were.
  void look_at(std::vector<Topic*> ready);
  [[nodiscard]] static bool is_another(const Topic& topic, const RedisStreamInfo& info);
  void read_alone(Topic& topic);
  void take_transaction(Topic& topic, std::size_t count, const proto::RedisReply& reply);
  // One of the round's answers was taken; the last begins the next round, or a wait.
  void end_part();
  void wait_until(topic::TimePoint time);
  // The server refused something of this topic alone, or something that concerns all.
  void refuse(Topic& topic, const std::string& why);
  void refuse(const std::string& why);
  // A reply is of the round that runs; one that is none is told.
  [[nodiscard]] bool is_due(std::uint64_t round, const boost::system::result<proto::RedisReply>& reply);
  [[nodiscard]] Topic* find(const std::string& key);

  void append(Topic& topic, const std::vector<RedisEntry>& entries);
  void note_behind(Topic& topic, std::uint64_t behind);
  void lose(Topic& topic, topic::GapReason reason, const topic::NumberPair& to);

  const Shared shared_;
  const std::string place_;
  std::unordered_map<std::string, std::unique_ptr<Topic>> topics_;  // by key
  Backoff backoff_;
  boost::asio::steady_timer retry_;
  RedisUnblock unblock_;
  RedisBatch batch_;         // of all topics together
  std::string refusal_;      // of this round
  std::uint64_t round_ = 0;  // late replies of another round are dropped by it
  std::size_t awaited_ = 0;  // replies until the next round
  topic::TimePoint look_due_{};
  bool busy_ = true, blocked_ = false, paused_ = false, stopped_ = false;
  bool joined_ = false;    // a topic, since this round began
  bool searched_ = false;  // for a key that XREAD was refused for, and none was found yet
  const std::unique_ptr<RedisLink> link_;
};

}  // namespace sluice::source
