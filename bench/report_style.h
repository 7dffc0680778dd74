// The style of the HTML report: light, or dark where the reader's system is. A constant.
#pragma once

#include <string_view>

namespace sluice::bench {

[[nodiscard]] std::string_view report_style();

}  // namespace sluice::bench
