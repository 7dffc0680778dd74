#include "gateway/source/source.h"

#include <stdexcept>

#include "gateway/source/demo.h"
#include "gateway/source/publish.h"

namespace sluice::source {

std::vector<Scheme> schemes() {
  return {{"demo:", "clock, random walk and counter, made here"},
          {"publish:", "events published to this gateway by POST"}};
}

std::unique_ptr<Source> make_source(const config::Source& config, topic::Home& home, std::uint64_t seed) {
  if (config.url.starts_with("demo:")) return std::make_unique<Demo>(config.name, config.rate, home, seed);
  if (config.url.starts_with("publish:")) return std::make_unique<Publish>(home);
  throw std::runtime_error("source." + config.name + ".url: no adapter for `" + config.url + "` in this build");
}

}  // namespace sluice::source
