// The options of `sluice bench` for CLI11 (slow to compile: it stays in options.cc and gateway/command_line.cc).
// Called once, before the command line is parsed; `draft` outlives the parsing.
#pragma once

#include "bench/command.h"

namespace CLI {
class App;
}

namespace sluice::bench {

void add_options(CLI::App& verb, Draft& draft);

}  // namespace sluice::bench
