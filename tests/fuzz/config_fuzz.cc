// Any bytes as a configuration: a valid Config that survives being printed and loaded, or an error with a place.
// Input: the file, then `--set` texts and `SLUICE_*` values, each after a NUL.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "gateway/config/load.h"
#include "gateway/config/print.h"

using namespace sluice::config;

namespace {

void expect(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto next = [&] {
    const std::size_t end = rest.find('\0');
    const std::string_view piece = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return std::string(piece);
  };
  const std::string file = next();
  Overrides overrides;
  Environment environment{{"HOST", "localhost"}, {"COUNT", "7"}, {"EMPTY", ""}};
  for (std::size_t index = 0; !rest.empty(); ++index) {
    const std::string piece = next();
    const std::size_t equals = piece.find('=');
    if (index % 2 == 0 || equals == std::string::npos)
      overrides.set.push_back(piece);
    else
      environment.emplace("SLUICE_" + piece.substr(0, equals), piece.substr(equals + 1));
  }
  try {
    const Config config = load_text(file, overrides, environment);
    expect(!config.routes.empty());
    expect(config.retry.min.count() >= 1000 && config.retry.min <= config.retry.max);
    const std::string text = print(config, Secrets::shown);
    expect(print(load_text(text, {}, {}), Secrets::shown) == text);
  } catch (const ConfigError& error) {
    expect(error.what()[0] != '\0');
  }
  return 0;
}
