#include "gateway/observe/metrics.h"

#include <set>
#include <string>

#include <doctest/doctest.h>

#include "gateway/observe/metric_list.h"

using namespace sluice::observe;
using namespace std::chrono_literals;

TEST_CASE("each worker counts alone, and reading adds them up") {
  Metrics metrics(2);
  metrics.worker(0).streams_opened.add();
  metrics.worker(1).streams_opened.add(4);
  metrics.worker(1).limit_hits[Limit::connections].add();
  metrics.worker(0).connections.add(3);
  metrics.worker(0).connections.add(-1);
  metrics.worker(1).connections.set(7);
  CHECK(metrics.worker(0).streams_opened.value() == 1);
  for (const MetricDescription& metric : metric_list()) {
    if (metric.name == "sluice_streams_opened_total") CHECK(metric.read(metrics).front().value == 5);
    if (metric.name == "sluice_connections") CHECK(metric.read(metrics).front().value == 9);
    if (metric.name == "sluice_limit_hits_total") {
      CHECK(metric.read(metrics).front().label == "connections");
      CHECK(metric.read(metrics).front().value == 1);
    }
  }
}

TEST_CASE("two workers never share a cache line") {
  Metrics metrics(2);
  const auto first = reinterpret_cast<std::uintptr_t>(&metrics.worker(0));
  const auto second = reinterpret_cast<std::uintptr_t>(&metrics.worker(1));
  CHECK(first % 64 == 0);
  CHECK(second - first >= sizeof(WorkerMetrics));
}

TEST_CASE("a histogram's bounds belong to the bucket below them") {
  Histogram histogram;
  histogram.observe(100us);
  histogram.observe(101us);
  histogram.observe(20s);
  histogram.observe(-1ns);
  CHECK(histogram.bucket(0) == 2);
  CHECK(histogram.bucket(1) == 1);
  CHECK(histogram.bucket(Histogram::bounds.size()) == 1);
  CHECK(histogram.sum() == doctest::Approx(20.000201));
}

TEST_CASE("every metric is named as Prometheus wants it") {
  std::set<std::string_view> names;
  for (const MetricDescription& metric : metric_list()) {
    CAPTURE(std::string(metric.name));
    CHECK(names.insert(metric.name).second);
    CHECK(metric.name.starts_with("sluice_"));
    CHECK(metric.name.ends_with("_total") == (metric.type == MetricType::counter));
    CHECK(metric.help.ends_with("."));
    std::set<std::string_view> labels;
    if (!metric.label_name.empty())
      for (const Sample& sample : metric.read(Metrics(1))) CHECK(labels.insert(sample.label).second);
  }
}

TEST_CASE("the answer to a publish request falls in one class") {
  CHECK(publish_code(200) == PublishCode::ok);
  CHECK(publish_code(400) == PublishCode::bad_request);
  CHECK(publish_code(406) == PublishCode::bad_request);
  CHECK(publish_code(413) == PublishCode::too_large);
  CHECK(publish_code(503) == PublishCode::unavailable);
}
