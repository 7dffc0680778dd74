#include "gateway/serve/router.h"

#include <algorithm>
#include <cctype>

#include "gateway/config/route_path.h"
#include "gateway/serve/negotiate.h"
#include "gateway/serve/rfc3339.h"
#include "proto/check.h"

namespace sluice::serve {

Rules::Rules(const config::Config& config)
    : routes(config.routes, config.sources, config.limits),
      cors(config.cors_origins, config.cors_credentials),
      publishing({.secret = config.publish_secret,
                  .zero_configuration = config.zero_configuration,
                  .loopback = config.listen.loopback()},
                 cors) {
  for (const config::Route& route : config.routes)
    if (route.files) files.emplace(route.path, Files(*route.files));
}

namespace {

Problem to_problem(access::Refusal refusal) {
  return {.status = refusal.status,
          .error = std::move(refusal.error),
          .detail = std::move(refusal.detail),
          .fields = std::move(refusal.fields)};
}

// For a client that did not say that it reads event streams: a status that such clients understand.
Problem to_problem(const load::Admission::Refusal& refusal) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(refusal.retry).count();
  return {.status = 503,
          .error = "busy",
          .detail = "over " + std::string(name(refusal.reason)) + ": come back when retry-after says",
          .fields = {{"retry-after", std::to_string(seconds)}}};
}

Problem bad_request(const char* error, std::string detail) {
  return {.status = 400, .error = error, .detail = std::move(detail)};
}

// A topic below a wildcard of the same request is one subscription: each of its events is sent once.
void drop_covered(std::vector<TopicRef>& topics) {
  std::vector<TopicRef> kept;
  for (const TopicRef& topic : topics)
    if (std::ranges::find(kept, topic.name, &TopicRef::name) == kept.end() &&
        std::ranges::none_of(topics, [&topic](const TopicRef& other) {
          return topic::is_pattern(other.name) && other.name != topic.name && topic::matches(other.name, topic.name);
        }))
      kept.push_back(topic);
  topics = std::move(kept);
}

RequestLine line_of(const proto::Request& request) {
  constexpr std::string_view wanted = "100-continue";
  const bool waits =
      std::ranges::equal(request.field("expect"), wanted, {}, [](unsigned char c) { return std::tolower(c); });
  return {.method = request.method, .path = request.path, .expects_continue = waits};
}

}  // namespace

TopicRef Router::find_topic(const std::string& name) const {
  const std::string_view source = config::source_of_topic(name);
  for (std::size_t index = 0; index != services_.topics.size(); ++index)
    if (services_.topics[index]->source() == source) return {static_cast<topic::SourceIndex>(index), name};
  check(false, "the route table only gives topics of configured sources");
  return {};
}

std::unique_ptr<Stream> Router::refuse(const proto::Request& request, const Problem& problem, bool cors) {
  if (const auto limit = observe::find_limit(problem.limit)) services_.metrics.limit_hits[*limit].add();
  Answer answer = to_answer(problem);
  if (request.method == "HEAD") answer.bytes = {};
  if (cors) rules_.cors.apply(request, answer.head);
  if (request.method == "POST") services_.metrics.publish_requests[observe::publish_code(problem.status)].add();
  return std::make_unique<AnswerStream>(std::move(answer), line_of(request));
}

std::unique_ptr<Stream> Router::handle(proto::Request&& request, bool, Connection& connection) {
  if (auto refusal = rules_.publishing.refuse_authority(request)) {
    services_.metrics.authorities_refused.add();
    return refuse(request, to_problem(std::move(*refusal)), false);
  }
  auto query = QueryParameters::parse(request.query);
  if (!query) return refuse(request, bad_request("bad-query", "the query string: " + query.error().message()), true);
  auto found = rules_.routes.find(request.method, request.path, *query);
  if (const auto* problem = std::get_if<Problem>(&found)) return refuse(request, *problem, true);
  RouteMatch& match = std::get<RouteMatch>(found);
  switch (match.action) {
    case RouteMatch::Action::stream:
      return subscribe(request, *query, std::move(match), connection.surplus());
    case RouteMatch::Action::publish:
      return publish(request, std::move(*query), std::move(match));
    case RouteMatch::Action::file:
      return std::make_unique<AnswerStream>(rules_.files.at(match.route->path).answer(request, match.file),
                                            line_of(request));
    case RouteMatch::Action::options: {
      auto answered = rules_.cors.answer_options(request, match.allow);
      if (auto* refusal = std::get_if<access::Refusal>(&answered))
        return refuse(request, to_problem(std::move(*refusal)), false);  // it carries `vary` itself
      return std::make_unique<AnswerStream>(Answer{.head = std::move(std::get<proto::ResponseHead>(answered))},
                                            line_of(request));
    }
  }
  check(false, "every action is handled");
  return nullptr;
}

// Value for value (observe does not know load).
static_assert(static_cast<int>(observe::BusyReason::descriptors) == static_cast<int>(load::BusyReason::descriptors));

std::optional<load::Admission::Refusal> Router::ask_admission(bool surplus) {
  const std::uint64_t streams = services_.streams + services_.sources.streams_elsewhere();
  auto refusal = services_.admission.ask(
      {.surplus_connection = surplus ? std::optional(services_.load.connection_room.reason) : std::nullopt,
       .streams_full = streams >= services_.config.limits.streams,
       .memory_full = services_.load.memory_full.load(std::memory_order_relaxed),
       .late = services_.load.late.load(std::memory_order_relaxed)},
      services_.now, services_.random);
  if (!refusal) return refusal;
  services_.metrics.busy[static_cast<observe::BusyReason>(refusal->reason)].add();
  if (refusal->reason == load::BusyReason::streams) services_.metrics.limit_hits[observe::Limit::streams].add();
  return refusal;
}

std::unique_ptr<Stream> Router::subscribe(const proto::Request& request, const QueryParameters& query,
                                          RouteMatch&& match, bool surplus) {
  if (auto problem = refuse_accept(request)) return refuse(request, *problem, true);
  Subscribe subscribe;
  subscribe.route = match.route;
  subscribe.end = match.route->end;
  if (const auto end = query.first("end")) {
    if (*end != "clean" && *end != "reset")
      return refuse(request, bad_request("bad-end", "`end` is \"clean\" or \"reset\""), true);
    subscribe.end = *end == "reset" ? config::End::reset : config::End::clean;
  }
  for (const std::string& name : match.topics) {
    subscribe.topics.push_back(find_topic(name));
    // What is learned at once is answered at once: 404 makes a browser give up, as it should. Later only an event can.
    const topic::SourceIndex source = subscribe.topics.back().source;
    if (topic::is_pattern(name)) {
      if (services_.sources.has_wildcards(source)) continue;
      return refuse(request,
                    bad_request("no-wildcard", "the topics of source \"" + services_.topics[source]->source() +
                                                   "\" are opened one by one: ask for ?topic=… by name"),
                    true);
    }
    if (services_.sources.may_have(source, name)) continue;
    return refuse(
        request,
        Problem{.status = 404,
                .error = "no-such-topic",
                .detail = "source \"" + services_.topics[source]->source() + "\" has no topic \"" + name + '"'},
        true);
  }
  drop_covered(subscribe.topics);
  // Topics of one source stand together: they share one position.
  std::ranges::stable_sort(subscribe.topics, {}, &TopicRef::source);
  subscribe.last_event_id = request.field("last-event-id");
  if (subscribe.last_event_id.empty())
    if (const auto id = query.first("last_event_id")) subscribe.last_event_id = *id;
  if (const auto since = query.first("since")) {
    subscribe.since = parse_time(*since);
    if (!subscribe.since)
      return refuse(request, bad_request("bad-since", "`since` is a time such as 2026-11-24T21:00:00Z (RFC 3339)"),
                    true);
  }
  if (subscribe.last_event_id.size() > services_.config.limits.last_event_id)  // answered with a gap
    services_.metrics.limit_hits[observe::Limit::last_event_id].add();
  subscribe.busy = ask_admission(surplus);
  if (subscribe.busy && !names_event_stream(request)) return refuse(request, to_problem(*subscribe.busy), true);
  proto::ResponseHead head;
  rules_.cors.apply(request, head);
  subscribe.fields = std::move(head.fields);
  subscribe.path = request.path;
  return std::make_unique<EventStream>(services_, std::move(subscribe));
}

std::unique_ptr<Stream> Router::publish(const proto::Request& request, QueryParameters&& query, RouteMatch&& match) {
  if (auto refusal = rules_.publishing.refuse_publish(request)) {
    if (refusal->error == "origin-not-allowed") services_.metrics.origins_refused.add();
    return refuse(request, to_problem(std::move(*refusal)), true);
  }
  PublishRequest publish;
  publish.topic = find_topic(match.topics.front());
  publish.content_type = request.field("content-type");
  publish.query = std::move(query);
  publish.line = line_of(request);
  proto::ResponseHead head;
  rules_.cors.apply(request, head);
  publish.fields = std::move(head.fields);
  return std::make_unique<PublishStream>(services_, std::move(publish));
}

}  // namespace sluice::serve
