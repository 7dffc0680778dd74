// status_json(): how the gateway is, as /status of the admin listener says it and its page shows it once a second: the
// load with its reason and every resource's share, what may come and when, what is open, what was delivered, refused
// and ended since the start, and each source. Amounts are numbers for a program and text for a person. Cheap: it reads
// counters, and no file. Pure; called on the first worker, which owns the meter.
#pragma once

#include <chrono>
#include <string>

#include "gateway/load/meter.h"
#include "gateway/observe/metrics.h"

namespace sluice::serve {

struct Standing {
  bool ready = true;                // false: draining
  std::chrono::milliseconds up{0};  // since the start
};

[[nodiscard]] std::string status_json(const observe::Metrics& metrics, const load::Meter& meter,
                                      const Standing& standing);

}  // namespace sluice::serve
