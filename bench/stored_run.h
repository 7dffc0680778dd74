// StoredRun: what a comparison needs of a run that `--json` has written. Parsed, not validated: figures that this
// version does not know are left out. Values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "bench/outcome.h"

namespace sluice::bench {

struct StoredRun {
  std::string began, scenario, offered;
  bool clean = false;
  std::map<std::string, double, std::less<>> figures;
  std::vector<Bin> bins;  // of the measured time, whole ones only
};

// `text` is one line of --json; of several lines the last. Throws std::invalid_argument with what is wrong with it.
[[nodiscard]] StoredRun parse_stored_run(std::string_view text);
// The same of a file; the message begins with its name.
[[nodiscard]] StoredRun read_stored_run(const std::filesystem::path& file);
// Of a run that has just ended.
[[nodiscard]] StoredRun stored(const Outcome& outcome, bool clean);

}  // namespace sluice::bench
