// RedisStreams: topics from Redis streams, `stream = "orders"` or one per captured value of `orders:{region}`, opened
// on first use and read in groups. Positions are the entries' ids, per topic, valid on every node. Owned by its home
// worker, on its thread; three kinds of connections: one for short commands, one for pages of the past, and one per
// group of topics, which blocks.
// Invariant: an open topic is in one group, from the position at which its log begins.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/source/capture_template.h"
#include "gateway/source/poison.h"
#include "gateway/source/redis_group.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_pages.h"
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
  void stop_opening(const std::set<std::string>& topics) override;
  void read(const topic::ReadRequest& request, const topic::ReadLimits& limits, topic::ReadDone done) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void on_topic_closed(const std::string& topic) override;
  void pause() override;
  void go_on() override;

 private:
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
  [[nodiscard]] RedisGroup& group_with_room();

  Context context_;
  const CaptureTemplate template_;
  std::unique_ptr<proto::TlsContext> tls_;
  client::ReadBuffers buffers_;
  Poison poison_;
  Troubles troubles_;
  RedisOrdinals ordinals_;
  std::unique_ptr<RedisLink> control_;
  RedisWindow openings_;
  RedisPages pages_;
  std::vector<std::unique_ptr<RedisGroup>> groups_;
  std::unordered_map<std::string, RedisGroup*> keys_;  // of open topics
  std::map<std::string, Opening> opening_;             // by topic
  bool paused_ = false;
};

}  // namespace sluice::source
