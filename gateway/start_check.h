// What stops a start though every key is well formed (a file that cannot be used), and what starts but is hardly meant.
// Asked by main for `check` and by run_gateway(), so that both say the same. Once, before any thread. Opens files, but
// connects to nothing, binds nothing and changes nothing: a port in use is found by `run` alone.
#pragma once

#include <vector>

#include "gateway/config/config.h"

namespace sluice {

// Tries tls.cert with tls.key and the folder of each file route. Throws config::ConfigError with every one that cannot
// be used, each at the place of its key.
void check_files(const config::Config& config);

// A source that nobody can read or publish to, ...: one line each, with its remedy.
[[nodiscard]] std::vector<config::Problem> find_oddities(const config::Config& config);

}  // namespace sluice
