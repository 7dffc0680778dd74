// RedisChannels: topics from Redis pub/sub, `channel = "news"` or one per captured value of `news:{topic}`, subscribed
// on first use. Redis keeps nothing: positions are ours, valid in this opening, and whenever the connection was lost a
// gap is announced in every open topic before what comes next; to who comes back to a topic that was not, its opening
// is a loss as well. Subscriptions are brought in line with what is wanted a few hundred at a time, however many there
// are. Owned by its home worker, on its thread. Invariant: a topic is open only after its channel's subscription was
// confirmed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "gateway/source/capture_template.h"
#include "gateway/source/poison.h"
#include "gateway/source/redis_link.h"
#include "gateway/source/redis_window.h"
#include "gateway/source/source.h"
#include "gateway/source/troubles.h"

namespace sluice::source {

class RedisChannels final : public Source {
 public:
  explicit RedisChannels(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  [[nodiscard]] bool has_wildcards() const override { return false; }
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void stop_opening(const std::set<std::string>& topics) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void on_topic_closed(const std::string& topic) override;
  // TCP's window then stops the server, which cuts us at its client-output-buffer-limit: a gap says so.
  void pause() override;
  void go_on() override;

 private:
  using OpenDone = std::function<void(topic::OpenResult)>;
  void on_up();
  void on_message(proto::RedisReply&& reply);
  [[nodiscard]] bool is_wanted(const std::string& topic) const;
  // Subscribes or unsubscribes where the topic is not as it is wanted.
  void align(const std::string& topic);
  void subscribe(const std::string& topic);
  void unsubscribe(const std::string& topic);
  void finish_open(const std::string& topic);
  void set_event(std::string& payload);

  Context context_;
  const CaptureTemplate template_;
  std::unique_ptr<proto::TlsContext> tls_;
  client::ReadBuffers buffers_;
  Poison poison_;
  Troubles troubles_;
  std::unique_ptr<RedisLink> subscriptions_;
  std::unique_ptr<RedisLink> control_;  // for PUBLISH, which a subscribed connection may not
  RedisWindow unaligned_;
  std::map<std::string, std::vector<OpenDone>> opening_;  // by topic
  std::unordered_set<std::string> subscribed_;            // topics, on this connection
  std::unordered_set<std::string> refused_;               // topics of which it was told
  struct Recent {
    std::string channel;
    topic::TopicIndex topic = 0;
  };
  std::optional<Recent> recent_;  // whose message came last: mostly the next one's, too
  topic::Event event_;            // of the last message
  // Expires with the source: a call that was posted is seen by that.
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
