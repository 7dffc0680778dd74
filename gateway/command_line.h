// The command line as values: which verb, with which options. CLI11 (slow to compile) stays in command_line.cc.
// Called once by main. Reads $SLUICE_SECRET for `pub`, nothing else of the world.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "gateway/config/load.h"
#include "gateway/verbs.h"

namespace sluice {

struct RunCommand {
  config::Overrides overrides;
};
struct CheckCommand {
  config::Overrides overrides;
  bool print = false;  // also the whole configuration in force
};
struct VersionCommand {};
struct ReferenceCommand {};  // hidden: the table of docs/configuration.md

using Command =
    std::variant<RunCommand, CheckCommand, PubOptions, TailOptions, CertsOptions, VersionCommand, ReferenceCommand>;

// Nothing to do but to print: help (exit code 0) or a usage error (2, to standard error).
struct UsageText {
  std::string text;
  int exit_code = 0;
};

// `arguments` without the program's name.
[[nodiscard]] std::variant<Command, UsageText> parse_command_line(std::vector<std::string> arguments);

}  // namespace sluice
