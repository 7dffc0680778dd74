// The command line as values: which verb, with which options. CLI11 (slow to compile) stays in command_line.cc.
// Called once by main. Reads $SLUICE_SECRET for `pub` and `bench`.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "bench/command.h"
#include "certs/certs_command.h"
#include "gateway/client/publish.h"
#include "gateway/client/tail.h"
#include "gateway/config/load.h"

namespace sluice {

struct RunCommand {
  config::Overrides overrides;
};
struct CheckCommand {
  config::Overrides overrides;
  bool print = false;    // also the whole configuration in force
  bool connect = false;  // also reach every source's engine
};
struct SourcesCommand {};
struct VersionCommand {};
struct ReferenceCommand {};  // hidden: the table of docs/configuration.md

// The verbs of other rooms are those rooms' own options.
using Command = std::variant<RunCommand, CheckCommand, client::PubOptions, client::TailOptions, bench::Command,
                             certs::CertsOptions, SourcesCommand, VersionCommand, ReferenceCommand>;

// Nothing to do but to print: help (exit code 0) or a usage error (2, to standard error).
struct UsageText {
  std::string text;
  int exit_code = 0;
};

// `arguments` without the program's name.
[[nodiscard]] std::variant<Command, UsageText> parse_command_line(std::vector<std::string> arguments);

}  // namespace sluice
