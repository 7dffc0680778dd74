#include "bench/html_report.h"

namespace sluice::bench {

std::string html_report(const RunReport&) { return {}; }

}  // namespace sluice::bench
