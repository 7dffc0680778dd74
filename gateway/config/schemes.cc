#include "gateway/config/schemes.h"

#include <algorithm>

namespace sluice::config {

namespace {

#ifdef SLUICE_WITH_HIREDIS
constexpr bool hiredis = true;
#else
constexpr bool hiredis = false;
#endif
#ifdef SLUICE_WITH_LIBMOSQUITTO
constexpr bool mosquitto = true;
#else
constexpr bool mosquitto = false;
#endif
#ifdef SLUICE_WITH_SQLITE
constexpr bool sqlite = true;
#else
constexpr bool sqlite = false;
#endif
#ifdef SLUICE_WITH_LIBPQ
constexpr bool libpq = true;
#else
constexpr bool libpq = false;
#endif
constexpr std::string_view postgres_summary = "PostgreSQL: rows of an outbox table, or notifications of a channel";
constexpr std::string_view postgres_example = "[source.audit]\nurl = \"postgres://localhost/shop\"\ntable = \"outbox\"";

#ifdef SLUICE_WITH_RDKAFKA
constexpr bool rdkafka = true;
#else
constexpr bool rdkafka = false;
#endif
#ifdef SLUICE_WITH_LIBNATS
constexpr bool libnats = true;
#else
constexpr bool libnats = false;
#endif

}  // namespace

const std::vector<Scheme>& all_schemes() {
  static const std::vector<Scheme> schemes = {
      {"demo", "clock, random walk and counter, made here", "", true, "", "[source.demo]\nurl = \"demo:\""},
      {"publish",
       sqlite ? "events published to this gateway by POST, kept in memory or on disk"
              : "events published to this gateway by POST, kept in memory (built without sqlite: not on disk)",
       "", true, "", "[source.notes]\nurl = \"publish:\""},
      {"redis", "Redis streams (resumed on every node) and pub/sub", "hiredis", hiredis, "stream channel",
       "[source.orders]\nurl    = \"redis://localhost:6379\"\nstream = \"orders:{region}\""},
      {"rediss", "the same over TLS", "hiredis", hiredis, "stream channel",
       "[source.news]\nurl     = \"rediss://user:password@redis.example.com\"\nchannel = \"news\""},
      {"postgres", postgres_summary, "libpq", libpq, "table channel", postgres_example},
      {"postgresql", postgres_summary, "libpq", libpq, "table channel", postgres_example},
      {"nats", "a JetStream stream, or a subject of core NATS", "libnats", libnats, "",
       "[source.fleet]\nurl     = \"nats://localhost:4222\"\nstream  = \"FLEET\"\nsubject = \"fleet.>\""},
      {"tls", "NATS over TLS", "libnats", libnats, "",
       "[source.fleet]\nurl    = \"tls://user:password@nats.example.com:4222\"\nstream = \"FLEET\""},
      {"kafka", "a Kafka topic, all of its partitions (resumed on every node)", "rdkafka", rdkafka, "topic",
       "[source.orders]\nurl   = \"kafka://localhost:9092\"\ntopic = \"orders\""},
      {"https", "another server of event streams: one connection a topic, shared by its subscribers", "", true, "",
       "[source.prices]\nurl = \"https://prices.example.com/feeds/{market}\""},
      {"http", "the same without TLS, over HTTP/1.1", "", true, "",
       "[source.prices]\nurl = \"http://localhost:8080/events\""},
      {"exec", "what a program writes to its standard output: lines, NDJSON or an event stream", "", true, "command",
       "[source.ticks]\nurl = \"exec:\"\ncommand = [\"/usr/local/bin/ticks\", \"--json\"]"},
      {"file", "what is appended to a file, through rotation: lines, NDJSON or an event stream", "", true, "",
       "[source.app]\nurl = \"file:/var/log/app.ndjson\""},
      {"mqtt", "messages that match a topic filter of an MQTT broker", "libmosquitto", mosquitto, "topic",
       "[source.sensors]\nurl = \"mqtt://localhost:1883\"\ntopic = \"sensors/#\""},
      {"mqtts", "the same over TLS", "libmosquitto", mosquitto, "topic",
       "[source.sensors]\nurl = \"mqtts://user:password@broker.example.com:8883\"\ntopic = \"sensors/#\""},
  };
  return schemes;
}

const Scheme* find_scheme(std::string_view name) {
  const auto found = std::ranges::find(all_schemes(), name, &Scheme::name);
  return found == all_schemes().end() ? nullptr : &*found;
}

const std::vector<std::string_view>& built_in_schemes() {
  static const std::vector<std::string_view> names = [] {
    std::vector<std::string_view> built_in;
    for (const Scheme& scheme : all_schemes())
      if (scheme.built_in) built_in.push_back(scheme.name);
    return built_in;
  }();
  return names;
}

}  // namespace sluice::config
