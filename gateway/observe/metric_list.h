// The metrics by name: the one list that exposition reads. Every member of WorkerMetrics stands in it once.
// Pure data; read by exposition on the admin endpoint's worker.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/observe/metrics.h"

namespace sluice::observe {

enum class MetricType : std::uint8_t { counter, gauge, histogram };

struct Sample {
  std::string_view label;  // the label's value; empty: the metric has no label
  double value = 0;        // all workers added up
};

struct MetricDescription {
  std::string_view name, help, label_name;  // label_name empty: no label
  MetricType type;
  std::function<std::vector<Sample>(const Metrics&)> read;  // histograms: a cumulative count per bound, +Inf, the sum
};

[[nodiscard]] const std::vector<MetricDescription>& metric_list();

}  // namespace sluice::observe
