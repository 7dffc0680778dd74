#include "bench/engines/engine.h"

#include <charconv>
#include <stdexcept>

namespace sluice::bench {

HostPort host_port(std::string_view url) {
  const std::size_t scheme = url.find("://");
  std::string_view rest = scheme == std::string_view::npos ? url : url.substr(scheme + 3);
  rest = rest.substr(0, rest.find('/'));
  const std::size_t colon = rest.rfind(':');
  HostPort found;
  if (colon != std::string_view::npos) {
    found.host = rest.substr(0, colon);
    std::from_chars(rest.data() + colon + 1, rest.data() + rest.size(), found.port);
  }
  if (found.host.empty() || found.port == 0) throw std::runtime_error("no host and port in " + std::string(url));
  return found;
}

std::vector<Engine> engines() {
  std::vector<Engine> all;
  const auto add = [&all](std::span<const Engine> library) { all.insert(all.end(), library.begin(), library.end()); };
#ifdef SLUICE_WITH_HIREDIS
  add(redis_engines());
#endif
#ifdef SLUICE_WITH_LIBPQ
  add(postgres_engines());
#endif
#ifdef SLUICE_WITH_LIBNATS
  add(nats_engines());
#endif
#ifdef SLUICE_WITH_RDKAFKA
  add(kafka_engines());
#endif
#ifdef SLUICE_WITH_LIBMOSQUITTO
  add(mqtt_engines());
#endif
  add(file_engines());
  add(publish_engines());
  return all;
}

}  // namespace sluice::bench
