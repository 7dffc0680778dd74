#include "gateway/serve/publish.h"

#include <fmt/format.h>

#include "gateway/serve/connection.h"
#include "proto/json.h"

namespace sluice::serve {

void PublishStream::start() {
  begun_ = heard_ = services_.now;
  if (!awaits_body()) return on_body_end();  // END_STREAM came with the head
  if (expects_continue()) connection().proceed(*this);
}

void PublishStream::reply(Answer&& answer) {
  for (proto::Field& field : request_.fields) answer.head.fields.push_back(std::move(field));
  services_.metrics.publish_requests[observe::publish_code(answer.head.status)].add();
  this->answer(std::move(answer));
}

void PublishStream::drop_body() {
  services_.metrics.body_bytes.add(-static_cast<std::int64_t>(body_.size()));
  body_ = {};
}

void PublishStream::refuse(const Problem& problem) {
  drop_body();
  if (const auto limit = observe::find_limit(problem.limit)) services_.metrics.limit_hits[*limit].add();
  reply(to_answer(problem));
}

void PublishStream::on_body(std::span<const std::uint8_t> bytes) {
  heard_ = services_.now;
  connection().consume(*this, bytes.size());
  if (answered()) return;
  received_ += bytes.size();
  if (received_ > services_.config.limits.body_size) {
    // A client that still sends sees an answer only when it is done: go on reading for a while, keep nothing.
    drop_body();
    if (received_ > 4 * services_.config.limits.body_size) refuse_size();
    return;
  }
  if (no_room_) return;
  if (services_.sources.body_bytes() + bytes.size() > services_.config.limits.bodies) {
    no_room_ = true;
    return drop_body();
  }
  services_.metrics.body_bytes.add(static_cast<std::int64_t>(bytes.size()));
  body_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void PublishStream::refuse_size() {
  refuse({.status = 413,
          .error = "body-too-large",
          .detail = fmt::format("the body is over {} bytes (limits.body_size): send fewer events per request",
                                services_.config.limits.body_size),
          .limit = "body_size"});
}

void PublishStream::refuse_room() {
  refuse({.status = 503,
          .error = "busy",
          .detail = fmt::format("the bodies in progress have {} bytes together (limits.bodies): try again",
                                services_.config.limits.bodies),
          .fields = {{"retry-after", "1"}},
          .limit = "bodies"});
}

void PublishStream::on_body_end() {
  if (answered()) return;
  complete_ = true;
  if (received_ > services_.config.limits.body_size) return refuse_size();
  if (no_room_) return refuse_room();
  // Bodies that end together do not keep the events of others waiting: a few in each turn.
  const bool too_much = services_.parsed_bytes != 0 && services_.parsed_bytes + body_.size() > parsed_per_turn;
  if (too_much || !services_.complete_bodies.empty())
    return services_.complete_bodies.push_back({connection().id(), id()});
  parse();
}

void PublishStream::parse() {
  if (answered()) return;
  services_.parsed_bytes += body_.size();
  PublishBody parsed =
      parse_publish_body(request_.content_type, request_.query, body_, PublishLimits(services_.config.limits));
  drop_body();
  if (const auto* problem = std::get_if<Problem>(&parsed)) return refuse(*problem);
  services_.sources.publish(request_.topic.source, request_.topic.name,
                            std::move(std::get<std::vector<topic::Event>>(parsed)), {connection().id(), id()});
}

void PublishStream::on_time() {
  if (answered() || complete_) return;
  const config::Limits& limits = services_.config.limits;
  if (services_.now - heard_ < limits.body_idle_timeout && services_.now - begun_ < limits.body_timeout) return;
  refuse({.status = 408,
          .error = "body-timeout",
          .detail = "the body did not come in time (limits.body_idle_timeout, limits.body_timeout)",
          .limit = "body_timeout"});
}

void PublishStream::on_closed(EndReason reason) {
  drop_body();
  AnswerStream::on_closed(reason);
}

void PublishStream::on_published(const topic::PublishResult& result) {
  if (answered()) return;  // its time was up before its home answered
  using Kind = topic::PublishResult::Kind;
  const auto problem = [this](int status, const char* error, const char* detail, const char* limit = "") {
    Problem refused{.status = status, .error = error, .detail = detail, .limit = limit};
    if (status == 503) refused.fields.push_back({"retry-after", "1"});
    refuse(refused);
  };
  switch (result.kind) {
    case Kind::not_publishable:
      return problem(405, "not-publishable", "this source takes no events by POST");
    case Kind::unknown_topic:
      return problem(404, "unknown-topic", "this source has no such topic");
    case Kind::too_many_topics:
      return problem(503, "too-many-topics", "limits.topics topics have state: try again later", "topics");
    case Kind::busy:
      return problem(503, "busy", "a worker is behind (limits.mailbox): try again");
    case Kind::unavailable:
      return problem(503, "source-unavailable", result.detail.c_str());
    case Kind::refused:
      return problem(400, "refused-by-source", result.detail.c_str());
    case Kind::storage_full:
      return problem(507, "storage-full", result.detail.c_str());
    case Kind::appended:
      break;
  }
  std::string body = R"({"ids":[)";
  body.reserve(body.size() + result.positions.size() * 20 + 32);
  for (const std::string& position : result.positions) {
    if (&position != result.positions.data()) body += ',';
    proto::append_json_string(body, position);
  }
  services_.metrics.publish_repeats.add(result.repeated);
  body += fmt::format("],\"repeated\":{}}}\n", result.repeated);
  reply(make_answer(200, "application/json", std::move(body)));
}

}  // namespace sluice::serve
