#include "gateway/config/load.h"

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "gateway/config/checks.h"
#include "gateway/config/file_layer.h"
#include "gateway/config/override_layers.h"

namespace sluice::config {
namespace {

// A configuration is written by hand; what is larger is another file given by mistake.
constexpr std::uintmax_t file_size_max = 1024 * 1024;

// What `sluice run` shows without a file: the demo, publishing to any topic, both on one stream, and the page.
void take_zero_configuration(Config& config) {
  config.zero_configuration = true;
  config.sources.resize(2);
  config.sources[0].name = "demo";
  config.sources[0].url = "demo:";
  config.sources[1].name = "topics";
  config.sources[1].url = "publish:";
  config.routes.resize(4);
  config.routes[0].path = "/demo/{name}";
  config.routes[0].source = "demo";
  config.routes[1].path = "/topics/{topic}";
  config.routes[1].source = "topics";
  config.routes[2].path = "/stream";
  config.routes[2].topics = {"demo/**", "topics/**"};
  config.routes[3].path = "/**";
  config.routes[3].files = "embedded:";
}

Config finish(Draft& draft, const Overrides& overrides, const Environment& environment) {
  take_environment(draft, environment);
  take_command_line(draft, overrides.set, overrides.flags);
  check_draft(draft);
  if (!draft.problems.empty()) throw ConfigError(std::move(draft.problems));
  return std::move(draft.config);
}

std::string read_file(const std::filesystem::path& file) {
  const auto fail = [&](const std::string& why) { throw ConfigError({{{file.string()}, why}}); };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) fail("is a folder; name a file");
  std::ifstream in(file, std::ios::binary);
  if (!in) fail(fmt::format("cannot open: {}", std::strerror(errno)));
  std::string text(file_size_max + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > file_size_max) fail("is larger than 1 MiB, so it is no configuration of sluice");
  return text;
}

}  // namespace

Config load_text(std::string_view text, const Overrides& overrides, const Environment& environment) {
  Draft draft;
  take_file(draft, text, overrides.file.value_or("sluice.toml"), environment);
  return finish(draft, overrides, environment);
}

Config load(const Overrides& overrides, const Environment& environment) {
  if (overrides.file) return load_text(read_file(*overrides.file), overrides, environment);
  Draft draft;
  take_zero_configuration(draft.config);
  return finish(draft, overrides, environment);
}

}  // namespace sluice::config
