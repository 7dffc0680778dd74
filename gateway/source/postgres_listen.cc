#include "gateway/source/postgres_listen.h"

#include <chrono>
#include <set>
#include <utility>

#include "gateway/source/mapping.h"
#include "gateway/source/postgres_errors.h"
#include "gateway/source/postgres_open.h"
#include "gateway/source/postgres_table.h"
#include "gateway/source/topic_below.h"

namespace sluice::source {

using Kind = topic::PublishResult::Kind;

namespace {

constexpr std::size_t payload_size_max = 7999;  // NOTIFY refuses 8000 bytes

}  // namespace

PostgresListen::PostgresListen(Context&& context)
    : config_(context.config),
      limits_(context.limits),
      format_(context.format),
      home_(context.home),
      metrics_(context.metrics),
      poison_(context.limits, context.metrics),
      connection_(context.io, *this, postgres_options(context, "")) {}

void PostgresListen::start(topic::TimePoint) { connection_.start(); }

void PostgresListen::stop() {
  connection_.stop();
  metrics_.set_state(observe::SourceState::stopped);
}

bool PostgresListen::may_have(std::string_view topic) const {
  if (!topic.starts_with(config_.name)) return false;
  topic.remove_prefix(config_.name.size());
  return topic.empty() || (topic.front() == '/' && !config_.map.topic.empty());
}

void PostgresListen::open(const std::string& topic, topic::TimePoint now, std::function<void(topic::OpenResult)> done) {
  if (!may_have(topic)) return done(topic::OpenResult::unknown_topic);
  // Who came before the server was heard of would otherwise miss events and not know it.
  if (!listened_) return opening_.emplace_back(topic, std::move(done)), void();
  done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void PostgresListen::stop_opening(const std::set<std::string>& topics) {
  std::erase_if(opening_, [&](const auto& opening) { return topics.contains(opening.first); });
}

void PostgresListen::pause() {
  metrics_.paused.add();
  connection_.pause_reading();
}

void PostgresListen::go_on() { connection_.resume_reading(); }

// --- Listening -----------------------------------------------------------------------------------------------------

void PostgresListen::on_up() {
  connection_.query({.text = "LISTEN " + quote_identifier(config_.channel)}, [this](const PostgresAnswer& answer) {
    if (answer.lost()) return;
    if (!answer.ok()) return connection_.give_up(explain_postgres_refusal(answer.sqlstate(), answer.message(), ""));
    on_listening();
  });
}

void PostgresListen::on_listening() {
  const topic::TimePoint now = std::chrono::steady_clock::now();
  connection_.settle();
  if (std::exchange(listened_, true)) {
    metrics_.reconnects.add();
    metrics_.gaps.add();
    home_.lose(topic::GapReason::source_lost, {}, now);
  }
  metrics_.set_state(observe::SourceState::up);
  for (auto& [topic, done] : std::exchange(opening_, {}))
    done(home_.open(topic, now) ? topic::OpenResult::opened : topic::OpenResult::too_many_topics);
}

void PostgresListen::on_down(const std::string& why) {
  own_positions_.clear();
  metrics_.set_state(observe::SourceState::down, why);
}

std::optional<std::string> PostgresListen::topic_of(std::string_view payload) const {
  std::string below;
  if (!config_.map.topic.empty()) below = by_pointer(payload, config_.map.topic).value_or("");
  return topic_below(config_.name, below, limits_.topic_name);
}

void PostgresListen::on_notification(std::string_view payload, bool own) {
  const topic::TimePoint now = std::chrono::steady_clock::now();
  const auto read = [&](const std::string& pointer) -> std::optional<std::string> {
    if (pointer.empty()) return std::nullopt;
    return by_pointer(payload, pointer);
  };
  const config::Mapping& map = config_.map;
  auto data = map.data.empty() ? std::optional<std::string>(payload) : read(map.data);
  const auto topic = topic_of(payload);
  std::optional<topic::Event> event;
  if (!topic)
    poison_.count("its topic is no name: dropped");
  else if (!data)
    poison_.count("nothing stands where map.data points: dropped");
  else
    event = {.type = read(map.event).value_or(""), .data = std::move(*data), .key = read(map.key)};
  if (event && !poison_.pass(*event)) event.reset();
  const auto index = event ? home_.open(*topic, now) : std::nullopt;
  if (index) {
    const topic::Sequence sequence = home_.append(*index, *event, now);
    metrics_.events.add();
    if (own) own_positions_.push_back(format_.text_of(sequence).value_or(""));
  } else {
    if (event) {
      poison_.count("limits.topics topics have state: dropped");
      home_.pass_over({}, now);
    }
    if (own) own_positions_.push_back(position());
  }
}

std::string PostgresListen::position() const { return format_.text_of(home_.last()).value_or(""); }

// --- Publishing ----------------------------------------------------------------------------------------------------

std::string PostgresListen::refusal(const std::string& topic, const std::vector<topic::Event>& events) const {
  std::set<std::string_view> payloads;
  for (const topic::Event& event : events) {
    if (!event.idempotency_key.empty()) return "a channel cannot recognise what was sent before: publish without id";
    if (!event.type.empty() || event.key)
      return "a notification is data alone: an event's name and key can stand inside it (map.event, map.key)";
    if (event.data.size() > payload_size_max)
      return "a notification has at most 7999 bytes, and this event has " + std::to_string(event.data.size());
    if (event.data.find('\0') != std::string::npos) return "text of PostgreSQL holds no NUL";
    if (!payloads.insert(event.data).second)
      return "PostgreSQL sends equal notifications of one transaction once: publish them one by one";
    if (topic_of(event.data) != topic) return "map.topic finds another topic in the data than " + topic;
  }
  return {};
}

void PostgresListen::publish(const std::string& topic, std::vector<topic::Event> events, topic::TimePoint,
                             std::function<void(topic::PublishResult)> done) {
  if (!config_.publish) return done({.kind = Kind::not_publishable});
  if (!may_have(topic)) return done({.kind = Kind::unknown_topic});
  if (metrics_.state() != observe::SourceState::up)
    return done({.kind = Kind::unavailable, .detail = "source " + config_.name + " is down, nothing was sent"});
  if (std::string why = refusal(topic, events); !why.empty())
    return done({.kind = Kind::refused, .detail = std::move(why)});
  std::vector<std::optional<std::string>> payloads;
  for (topic::Event& event : events) payloads.emplace_back(std::move(event.data));
  connection_.query(
      {.text =
           "SELECT pg_notify($1, payload) FROM unnest($2::text[]) WITH ORDINALITY AS e(payload, place) ORDER BY place",
       .values = {config_.channel, text_array(payloads)}},
      [this, count = payloads.size(), done = std::move(done)](const PostgresAnswer& answer) {
        if (answer.lost())
          return done({.kind = Kind::unavailable,
                       .detail = "the connection to PostgreSQL was lost: whether it was sent, nobody knows"});
        if (!answer.ok())
          return done(
              {.kind = Kind::unavailable, .detail = explain_postgres_refusal(answer.sqlstate(), answer.message(), "")});
        // The server sends a session its own notifications before the answer.
        std::vector<std::string> positions = std::exchange(own_positions_, {});
        positions.resize(count, position());
        done({.positions = std::move(positions)});
      });
}

}  // namespace sluice::source
