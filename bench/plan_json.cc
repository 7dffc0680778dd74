#include "bench/plan_json.h"

#include <boost/json/array.hpp>

#include "bench/plan_names.h"

namespace sluice::bench {
namespace {

namespace json = boost::json;

json::array names(const std::vector<proto::Field>& fields) {
  json::array list;
  for (const proto::Field& field : fields) list.emplace_back(field.name);
  return list;
}

json::array texts(const std::vector<std::string>& values) {
  json::array list;
  for (const std::string& value : values) list.emplace_back(value);
  return list;
}

json::object publishing_json(const Publishing& publishing) {
  json::object object{{"kind", name_of(publishing.kind)}};
  if (publishing.kind == Publishing::Kind::none) return object;
  if (publishing.kind == Publishing::Kind::http) {
    object["url"] = url_of(publishing.target);
    object["method"] = publishing.method;
    object["headers"] = names(publishing.fields);
    object["body"] = publishing.body;
    object["batch"] = publishing.batch;
    object["in_flight"] = publishing.in_flight;
  }
  object["rate"] = publishing.rate;
  object["one_at_a_time"] = publishing.one_at_a_time;
  object["payload_bytes"] = publishing.payload_bytes;
  return object;
}

}  // namespace

json::object plan_json(const Plan& plan) {
  const Crowd& crowd = plan.crowd;
  json::object object{{"scenario", name_of(plan.scenario)},
                      {"url", url_of(crowd.target)},
                      {"wire", name_of(crowd.wire)},
                      {"connections", crowd.connections},
                      {"streams", crowd.streams},
                      {"topics", crowd.topics},
                      {"threads", crowd.threads},
                      {"headers", names(crowd.fields)},
                      {"source_addresses", texts(crowd.source_addresses)},
                      {"stream_window", crowd.stream_window},
                      {"open_rate", crowd.open_rate},
                      {"warmup_ms", plan.warmup.count()},
                      {"duration_ms", plan.duration.count()},
                      {"spin", plan.spin},
                      {"publishing", publishing_json(plan.publishing)}};
  if (plan.scenario == Scenario::ramp)
    object["ramp"] = json::object{{"what", name_of(plan.ramp.what)},
                                  {"from", plan.ramp.from},
                                  {"to", plan.ramp.to},
                                  {"factor", plan.ramp.factor},
                                  {"step_ms", plan.ramp.step.count()},
                                  {"p99_max_ms", plan.ramp.p99_max.count()},
                                  {"delivered_share_min", plan.ramp.delivered_share_min}};
  if (plan.scenario == Scenario::storm || plan.scenario == Scenario::drain)
    object["storm"] =
        json::object{{"restart_command", plan.storm.restart_command}, {"settle_ms", plan.storm.settle.count()}};
  if (plan.scenario == Scenario::slow_reader)
    object["slow"] = json::object{{"share", plan.slow.share}, {"bytes_per_second", plan.slow.bytes_per_second}};
  if (plan.publishing.kind == Publishing::Kind::none) object["expected_events"] = plan.expected_events;
  return object;
}

}  // namespace sluice::bench
