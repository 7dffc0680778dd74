#include "gateway/source/postgres_open.h"

#include <fstream>
#include <stdexcept>
#include <utility>

#include "gateway/source/postgres_url.h"

namespace sluice::source {

namespace {

constexpr std::size_t channel_size_max = 63;  // NAMEDATALEN - 1: LISTEN would cut the rest off

void check_channel(const config::Source& config) {
  if (config.channel.find('{') != std::string::npos)
    throw std::invalid_argument("`channel`: channels of PostgreSQL have no captures; map.topic makes topics of one");
  if (config.channel.size() > channel_size_max)
    throw std::invalid_argument("`channel`: a channel of PostgreSQL has at most 63 bytes");
  for (const std::string* mapping : {&config.map.topic, &config.map.event, &config.map.data, &config.map.key})
    if (!mapping->empty() && !mapping->starts_with('/'))
      throw std::invalid_argument("`map`: a notification has no field " + *mapping +
                                  "; write a JSON pointer into its payload, such as \"/topic\"");
}

void check_files(const config::SourceTls& tls) {
  for (const auto& [key, file] : {std::pair("ca", &tls.ca), std::pair("cert", &tls.cert), std::pair("key", &tls.key)})
    if (!file->empty() && !std::ifstream(*file).is_open())
      throw std::invalid_argument(std::string("`tls.") + key + "`: cannot read " + file->string());
}

PostgresUrl parse_url(const config::Source& config, const std::string& purpose) {
  return parse_postgres_url(config.url, config.tls, "sluice " + config.name + (purpose.empty() ? "" : " ") + purpose);
}

}  // namespace

void check_postgres(const config::Source& config) {
  static_cast<void>(parse_url(config, ""));
  check_files(config.tls);
  if (!config.channel.empty()) check_channel(config);
}

PostgresConnection::Options postgres_options(Context& context, const std::string& purpose) {
  check_postgres(context.config);
  return {.url = parse_url(context.config, purpose), .seed = context.random()};
}

}  // namespace sluice::source
