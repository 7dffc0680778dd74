#include "gateway/observe/exposition.h"

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "gateway/observe/metric_list.h"
#include "gateway/observe/process.h"

namespace sluice::observe {
namespace {

prometheus::MetricFamily family(const MetricDescription& description, const Metrics& metrics) {
  prometheus::MetricFamily out{std::string(description.name), std::string(description.help), {}, {}};
  const std::vector<Sample> samples = description.read(metrics);
  if (description.type == MetricType::histogram) {
    out.type = prometheus::MetricType::Histogram;
    prometheus::ClientMetric metric;
    for (std::size_t i = 0; i < Histogram::bounds.size(); ++i)
      metric.histogram.bucket.push_back({static_cast<std::uint64_t>(samples[i].value), Histogram::bounds[i]});
    metric.histogram.sample_count = static_cast<std::uint64_t>(samples[Histogram::bounds.size()].value);
    metric.histogram.sample_sum = samples.back().value;
    out.metric.push_back(std::move(metric));
    return out;
  }
  const bool counts = description.type == MetricType::counter;
  out.type = counts ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (const Sample& sample : samples) {
    prometheus::ClientMetric metric;
    if (!description.label_name.empty())
      metric.label = {{std::string(description.label_name), std::string(sample.label)}};
    (counts ? metric.counter.value : metric.gauge.value) = sample.value;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

void append_process(std::vector<prometheus::MetricFamily>& families) {
  const auto figures = read_process();
  if (!figures) return;
  const auto append = [&families](const char* name, const char* help, prometheus::MetricType type, double value) {
    prometheus::ClientMetric metric;
    (type == prometheus::MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
    families.push_back({name, help, type, {metric}});
  };
  using prometheus::MetricType;
  append("process_cpu_seconds_total", "User and system CPU time.", MetricType::Counter, figures->cpu_seconds);
  append("process_start_time_seconds", "When the process started, since 1970.", MetricType::Gauge, figures->start_time);
  append("process_resident_memory_bytes", "Resident memory.", MetricType::Gauge,
         static_cast<double>(figures->resident_bytes));
  append("process_virtual_memory_bytes", "Virtual memory.", MetricType::Gauge,
         static_cast<double>(figures->virtual_bytes));
  append("process_open_fds", "Open descriptors.", MetricType::Gauge, static_cast<double>(figures->open_fds));
  append("process_max_fds", "Descriptors that may be open.", MetricType::Gauge, static_cast<double>(figures->max_fds));
  append("process_threads", "Threads.", MetricType::Gauge, static_cast<double>(figures->threads));
}

// One family for each thing that sources count, labelled by the source's name, of which the configuration has few.
void append_sources(std::vector<prometheus::MetricFamily>& families, const Metrics& metrics) {
  using prometheus::MetricType;
  const auto append = [&](const char* name, const char* help, MetricType type, auto read) {
    prometheus::MetricFamily family{name, help, type, {}};
    for (const SourceMetrics& source : metrics.sources()) {
      prometheus::ClientMetric metric;
      metric.label = {{"source", source.source()}};
      (type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = static_cast<double>(read(source));
      family.metric.push_back(std::move(metric));
    }
    families.push_back(std::move(family));
  };
  using S = SourceMetrics;
  append("sluice_source_up", "1 while the source has its engine.", MetricType::Gauge,
         [](const S& source) { return source.state() == SourceState::up ? 1 : 0; });
  append("sluice_source_events_total", "Events that the source has appended.", MetricType::Counter,
         [](const S& source) { return source.events.value(); });
  append("sluice_source_reconnects_total", "Connections to the engine after the first.", MetricType::Counter,
         [](const S& source) { return source.reconnects.value(); });
  append("sluice_source_gaps_total", "Losses that the source itself has announced.", MetricType::Counter,
         [](const S& source) { return source.gaps.value(); });
  append("sluice_source_poison_total", "Messages dropped, or delivered without what no event may have.",
         MetricType::Counter, [](const S& source) { return source.poison.value(); });
  append("sluice_source_pages_total", "Pages of the past read from the engine.", MetricType::Counter,
         [](const S& source) { return source.pages.value(); });
  append("sluice_source_pauses_total", "Times that the engine was held because the gateway was behind.",
         MetricType::Counter, [](const S& source) { return source.paused.value(); });
  append("sluice_source_lag_events", "Events that the engine has and the gateway does not; -1: not known.",
         MetricType::Gauge, [](const S& source) { return source.lag.value(); });
}

// Prometheus asks; the workers' counters answer.
class Collection final : public prometheus::Collectable {
 public:
  explicit Collection(const Metrics& metrics) : metrics_(metrics) {}

  [[nodiscard]] std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> families;
    for (const MetricDescription& description : metric_list()) families.push_back(family(description, metrics_));
    prometheus::ClientMetric build;
    build.label = {{"version", SLUICE_VERSION}};
    build.gauge.value = 1;
    families.push_back({"sluice_build_info",
                        "Always 1; the label says what runs.",
                        prometheus::MetricType::Gauge,
                        {std::move(build)}});
    prometheus::ClientMetric workers;
    workers.gauge.value = static_cast<double>(metrics_.workers().size());
    families.push_back({"sluice_workers", "Event loops.", prometheus::MetricType::Gauge, {std::move(workers)}});
    append_sources(families, metrics_);
    append_process(families);
    return families;
  }

 private:
  const Metrics& metrics_;
};

}  // namespace

std::optional<std::string> expose(const Metrics& metrics) {
  return prometheus::TextSerializer().prometheus::Serializer::Serialize(Collection(metrics).Collect());
}

bool exposition_built_in() { return true; }

}  // namespace sluice::observe
