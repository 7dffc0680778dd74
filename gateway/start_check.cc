#include "gateway/start_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <utility>

#include "gateway/access/publishing.h"
#include "gateway/config/route_path.h"
#include "gateway/serve/files.h"
#include "gateway/source/source.h"
#include "proto/pem.h"

namespace sluice {

void check_files(const config::Config& config) {
  std::vector<config::Problem> problems;
  const auto add = [&](std::string_view key, std::string_view shown, const std::exception& error) {
    problems.push_back({config.places.first_of({key}), fmt::format("`{}`: {}", shown, error.what())});
  };
  try {
    if (!config.tls.cert.empty())
      static_cast<void>(proto::read_credentials(config.tls.cert, config.tls.key, std::time(nullptr)));
  } catch (const proto::PemError& error) {
    const std::string_view key = error.role() == "key" ? "tls.key" : "tls.cert";
    add(key, key, error);
  }
  for (std::size_t index = 0; index < config.routes.size(); ++index) {
    if (!config.routes[index].files) continue;
    try {
      static_cast<void>(serve::Files(*config.routes[index].files));
    } catch (const std::exception& error) {
      add(fmt::format("route[{}].files", index), "route.files", error);
    }
  }
  for (const config::Source& source : config.sources) {
    try {
      source::check_source(source);
    } catch (const std::exception& error) {
      const std::string key = "source." + source.name;
      problems.push_back({config.places.first_of({key + ".url", key}), fmt::format("`{}`: {}", key, error.what())});
    }
  }
  if (!problems.empty()) throw config::ConfigError(std::move(problems));
}

std::vector<config::Problem> find_oddities(const config::Config& config) {
  std::vector<config::Problem> oddities;
  const access::Cors cors({}, false);
  const access::Publishing publishing({.secret = config.publish_secret,
                                       .zero_configuration = config.zero_configuration,
                                       .loopback = config.listen.loopback()},
                                      cors);
  for (const config::Source& source : config.sources) {
    const std::string key = "source." + source.name;
    const auto place = config.places.first_of({key, key + ".url", "listen"});
    if (std::ranges::none_of(config.routes, [&](const auto& route) { return config::serves(route, source.name); }))
      oddities.push_back({place, fmt::format("`{}` is in no route: nobody can subscribe to it", key)});
    if ((source.scheme() == "publish" || source.publish) && publishing.closed())
      oddities.push_back({place, fmt::format("nobody can publish to `{}`: set `access.publish_secret`", key)});
  }
  return oddities;
}

}  // namespace sluice
