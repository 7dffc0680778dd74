// PostgresListen: a notification channel as a source: `channel = "news"`, LISTEN and NOTIFY. Each notification is an
// event of the source's own topic, or of one below it that `map.topic` finds in the payload. PostgreSQL keeps nothing:
// after a loss of the connection a gap says so in every open topic. Owned by its home worker, on its thread.
// Invariant: between two gaps every notification that the server sent is appended, once and in its order.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/source/poison.h"
#include "gateway/source/postgres_connection.h"
#include "gateway/source/source.h"

namespace sluice::source {

class PostgresListen final : public Source, private PostgresVisitor {
 public:
  // Throws as check_postgres() does.
  explicit PostgresListen(Context&& context);

  void start(topic::TimePoint now) override;
  void stop() override;
  [[nodiscard]] bool may_have(std::string_view topic) const override;
  void open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) override;
  void stop_opening(const std::set<std::string>& topics) override;
  void publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint now,
               std::function<void(topic::PublishResult)> done) override;
  void pause() override;
  void go_on() override;

 private:
  void on_up() override;
  void on_down(const std::string& why) override;
  void on_notification(std::string_view payload, bool own) override;

  void on_listening();
  [[nodiscard]] std::optional<std::string> topic_of(std::string_view payload) const;
  [[nodiscard]] std::string refusal(const std::string& topic, const std::vector<topic::Event>& events) const;
  // The position of what was appended last.
  [[nodiscard]] std::string position() const;

  const config::Source& config_;
  const config::Limits& limits_;
  const topic::PositionFormat& format_;
  topic::Home& home_;
  observe::SourceMetrics& metrics_;
  Poison poison_;
  PostgresConnection connection_;
  std::vector<std::pair<std::string, std::function<void(topic::OpenResult)>>> opening_;  // until it listens
  std::vector<std::string> own_positions_;  // of what this connection has sent and got back
  bool listened_ = false;                   // at least once
};

}  // namespace sluice::source
