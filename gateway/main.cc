// The program: the command line chooses a verb, the verb runs, and whatever it throws is printed once, here.
// Exit codes: 0 done, 1 failed, 2 wrongly called (and `bench`: 3, an expectation missed).
#include <fcntl.h>
#include <unistd.h>

#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "bench/run_benchmark.h"
#include "bench/run_command.h"
#include "certs/certs.h"
#include "certs/certs_command.h"
#include "gateway/client/publish.h"
#include "gateway/client/tail.h"
#include "gateway/command_line.h"
#include "gateway/config/load.h"
#include "gateway/config/print.h"
#include "gateway/config/reference.h"
#include "gateway/connect_check.h"
#include "gateway/run.h"
#include "gateway/start_check.h"
#include "gateway/version.h"

namespace sluice {
namespace {

std::string counted(std::size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

int check(const CheckCommand& command) {
  const config::Config config = config::load(command.overrides, config::process_environment());
  check_files(config);
  for (const config::Problem& oddity : find_oddities(config))
    std::cerr << fmt::format("{}: warning: {}\n", oddity.place.text(), oddity.text);
  const std::string name = command.overrides.file ? command.overrides.file->string() : "zero configuration";
  if (command.print) std::cout << config::print(config, config::Secrets::hidden) << '\n';
  std::cout << fmt::format("{}: ok, {}, {}\n", name, counted(config.sources.size(), "source"),
                           counted(config.routes.size(), "route"));
  return command.connect && !connect_sources(config, std::cout) ? 1 : 0;
}

int print(const std::string& text) {
  std::cout << text;
  return 0;
}

std::filesystem::path development_ca() { return certs::default_certificate_directory() / "ca.pem"; }

struct Perform {
  int operator()(const RunCommand& command) const {
    run_gateway(config::load(command.overrides, config::process_environment()));
    return 0;
  }
  int operator()(const CheckCommand& command) const { return check(command); }
  int operator()(client::PubOptions options) const {
    options.trust.development_ca = development_ca();
    return client::publish(options, std::cin, std::cout, std::cerr);
  }
  int operator()(client::TailOptions options) const {
    options.trust.development_ca = development_ca();
    return client::tail(options, std::cout, std::cerr);
  }
  int operator()(bench::Command command) const {
    command.plan.crowd.trust.development_ca = development_ca();
    return bench::run_command(command, bench::run_benchmark, std::cout, std::cerr);
  }
  int operator()(const certs::CertsOptions& options) const { return certs::run_certs_command(options, std::cout); }
  int operator()(const VersionCommand&) const { return print(version_text()); }
  int operator()(const SourcesCommand&) const { return print(config::sources_text()); }
  int operator()(const ReferenceCommand&) const { return print(config::reference()); }
};

int start(std::vector<std::string> arguments) {
  const auto parsed = parse_command_line(std::move(arguments));
  if (const auto* usage = std::get_if<UsageText>(&parsed)) {
    (usage->exit_code == 0 ? std::cout : std::cerr) << usage->text;
    return usage->exit_code;
  }
  return std::visit(Perform{}, std::get<Command>(parsed));
}

// A standard descriptor that the caller closed (`2>&-`) would be the next socket's, and what is logged its peer's.
void hold_standard_descriptors() {
  int descriptor = 0;
  do descriptor = ::open("/dev/null", O_RDWR);
  while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor > STDERR_FILENO) ::close(descriptor);
}

}  // namespace
}  // namespace sluice

int main(int argc, char** argv) {
  sluice::hold_standard_descriptors();
  try {
    return sluice::start(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const sluice::config::ConfigError& error) {
    // Each line begins with its place, so that an editor can jump to it.
    std::cerr << error.what() << '\n';
  } catch (const std::exception& error) {
    std::cerr << "sluice: " << error.what() << '\n';
  }
  return 1;
}
