// Exposition: the metrics of all workers and of the process as the text that Prometheus reads. Through prometheus-cpp
// when that feature is built in (exposition.cc), else absent (exposition_absent.cc): /metrics then answers 501.
// Called on the admin endpoint's worker; reads what the others write, without a lock.
#pragma once

#include <optional>
#include <string>

#include "gateway/observe/metrics.h"

namespace sluice::observe {

// For the content-type of the answer.
inline constexpr const char* exposition_content_type = "text/plain; version=0.0.4; charset=utf-8";

// nullopt: the feature "prometheus" is not built in.
[[nodiscard]] std::optional<std::string> expose(const Metrics& metrics);
// For `sluice version`.
[[nodiscard]] bool exposition_built_in();

}  // namespace sluice::observe
