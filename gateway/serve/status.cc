#include "gateway/serve/status.h"

#include <iterator>

#include <fmt/format.h>

#include "gateway/load/admission.h"
#include "proto/json.h"

namespace sluice::serve {

namespace {

// Read here by one index (observe does not know load).
static_assert(static_cast<int>(observe::BusyReason::descriptors) == static_cast<int>(load::BusyReason::descriptors) &&
              decltype(observe::WorkerMetrics::busy)::count ==
                  static_cast<std::size_t>(load::BusyReason::descriptors) + 1);

template <typename Read>
std::int64_t total(const observe::Metrics& metrics, Read read) {
  std::int64_t sum = 0;
  for (const observe::WorkerMetrics& worker : metrics.workers()) sum += static_cast<std::int64_t>(read(worker).value());
  return sum;
}

std::string quoted(std::string_view text) {
  std::string out;
  proto::append_json_string(out, text);
  return out;
}

template <typename... Values>
void append(std::string& out, fmt::format_string<Values...> format, Values&&... values) {
  fmt::format_to(std::back_inserter(out), format, std::forward<Values>(values)...);
}

void append_load(std::string& out, const load::Meter& meter) {
  append(out, R"("load":{{"percent":{:.1f},"resource":"{}","text":{},"resources":[)", meter.percent(),
         load::name(meter.worst()), quoted(meter.reason()));
  for (std::size_t index = 0; index != load::resource_count; ++index) {
    const auto resource = static_cast<load::Resource>(index);
    append(out, R"({}{{"name":"{}","percent":{:.1f},"text":{}}})", index == 0 ? "" : ",", load::name(resource),
           100 * meter.share(resource), quoted(meter.amount(resource)));
  }
  out += "]}";
}

void append_sources(std::string& out, const observe::Metrics& metrics) {
  out += R"("sources":[)";
  for (const observe::SourceMetrics& source : metrics.sources()) {
    const std::int64_t lag = source.lag.value();
    append(out, R"({}{{"name":{},"state":"{}","events":{},"lag":{},"why":{}}})", out.back() == '[' ? "" : ",",
           quoted(source.source()), name(source.state()), source.events.value(), lag < 0 ? "null" : std::to_string(lag),
           quoted(source.why()));
  }
  out += ']';
}

}  // namespace

std::string status_json(const observe::Metrics& metrics, const load::Meter& meter, const Standing& standing) {
  using W = observe::WorkerMetrics;
  const auto sum = [&metrics](auto W::*member) {
    return total(
        metrics, [member](const W& worker) -> auto& { return worker.*member; });
  };
  const W& first = metrics.workers().front();
  std::string out;
  append(out, R"({{"ready":{},"up_ms":{},"workers":{},)", standing.ready, standing.up.count(),
         metrics.workers().size());
  append_load(out, meter);
  append(out, R"(,"accept_rate":{},"retry_ms":{{"low":{},"high":{}}})", metrics.load().accept_rate.value(),
         first.retry_low_ms.value(), first.retry_high_ms.value());
  append(out, R"(,"connections":{},"streams":{},"published":{},"deliveries":{},"refused":{{)", sum(&W::connections),
         sum(&W::streams), sum(&W::events_published), sum(&W::deliveries));
  for (std::size_t index = 0; index != decltype(W::busy)::count; ++index) {
    const auto reason = static_cast<observe::BusyReason>(index);
    append(out, R"({}"{}":{})", index == 0 ? "" : ",", load::name(static_cast<load::BusyReason>(index)),
           total(
               metrics, [reason](const W& worker) -> auto& { return worker.busy[reason]; }));
  }
  append(out, R"(}},"slow_ended":{},)",
         total(
             metrics, [](const W& worker) -> auto& { return worker.streams_ended[observe::EndReason::slow]; }));
  append_sources(out, metrics);
  out += "}\n";
  return out;
}

}  // namespace sluice::serve
