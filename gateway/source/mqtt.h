// Mqtt: `mqtt://` and `mqtts://`: the messages that match one topic filter, each MQTT topic a topic of its own below
// the source's name (MqttFilter). Positions are our own: a broker keeps nothing that could be asked for by its place,
// so whatever may have been missed is announced as a gap: each time when the connection is there again, and where the
// gateway was too slow for the broker.
// Retained messages come with a subscription: each topic's once in this opening, as an ordinary event; after a
// reconnect they would repeat what was sent before, or something older.
// Invariant: a message is appended once, in the broker's order; a pause leaves the messages with MqttLink.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "gateway/source/losses.h"
#include "gateway/source/mqtt_filter.h"
#include "gateway/source/mqtt_link.h"
#include "gateway/source/poison.h"
#include "gateway/source/source.h"

namespace sluice::source {

// Throws std::exception with what is wrong with the keys, as far as that shows without a broker.
void check_mqtt(const config::Source& config);

class Mqtt final : public Source {
 public:
  explicit Mqtt(Context&& context);

  void start(topic::TimePoint) override { link_->start(); }
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void pause() override;
  void go_on() override;

 private:
  void take_news();
  void take_message(MqttNews&& message, topic::TimePoint now);
  [[nodiscard]] std::optional<std::string> mapped(const std::string& mapping, const MqttNews& message) const;

  const std::string name_;
  const config::Mapping map_;
  const config::Limits& limits_;
  const MqttFilter filter_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  const std::function<void(std::function<void()>)> post_;
  Poison poison_;
  Losses losses_;
  std::unordered_set<std::size_t> seen_;  // hashes of MQTT topics that have had a message; at most limits.topics
  bool connected_before_ = false, away_ = false, paused_ = false, held_ = false;
  std::unique_ptr<MqttLink> link_;  // last: its thread ends before what it calls
};

}  // namespace sluice::source
