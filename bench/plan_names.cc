#include "bench/plan_names.h"

namespace sluice::bench {

const std::map<std::string, Scenario>& scenario_names() {
  static const std::map<std::string, Scenario> names{
      {"steady", Scenario::steady},           {"ramp", Scenario::ramp},   {"storm", Scenario::storm},
      {"slow-reader", Scenario::slow_reader}, {"drain", Scenario::drain}, {"idle", Scenario::idle},
      {"handshakes", Scenario::handshakes}};
  return names;
}

std::string_view name_of(Scenario scenario) {
  for (const auto& [name, value] : scenario_names())
    if (value == scenario) return name;
  return {};
}

std::string_view name_of(Wire wire) {
  switch (wire) {
    case Wire::automatic:
      return "automatic";
    case Wire::http2:
      return "http2";
    case Wire::http1:
      return "http1";
  }
  return {};
}

std::string_view name_of(Publishing::Kind kind) {
  switch (kind) {
    case Publishing::Kind::none:
      return "none";
    case Publishing::Kind::http:
      return "http";
    case Publishing::Kind::command:
      return "command";
  }
  return {};
}

std::string_view name_of(RampPlan::What what) { return what == RampPlan::What::streams ? "streams" : "rate"; }

std::string url_of(const client::Target& target) {
  std::string url = std::string(target.scheme()) + "://" + target.authority() + target.path;
  if (!target.query.empty()) url += "?" + target.query;
  return url;
}

}  // namespace sluice::bench
