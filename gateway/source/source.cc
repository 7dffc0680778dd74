#include "gateway/source/source.h"

#include <stdexcept>

#include "gateway/source/demo.h"
#ifdef SLUICE_WITH_RDKAFKA
#include "gateway/source/kafka.h"
#endif
#include "gateway/source/exec.h"
#include "gateway/source/file.h"
#ifdef SLUICE_WITH_LIBNATS
#include "gateway/source/nats_core.h"
#include "gateway/source/nats_jetstream.h"
#endif
#include "gateway/source/publish.h"
#include "gateway/source/sse_backend.h"
#ifdef SLUICE_WITH_LIBMOSQUITTO
#include "gateway/source/mqtt.h"
#endif
#ifdef SLUICE_WITH_SQLITE
#include "gateway/source/publish_disk.h"
#endif
#ifdef SLUICE_WITH_LIBPQ
#include "gateway/source/postgres_listen.h"
#include "gateway/source/postgres_open.h"
#include "gateway/source/postgres_outbox.h"
#endif
#ifdef SLUICE_WITH_HIREDIS
#include "gateway/source/redis_channels.h"
#include "gateway/source/redis_open.h"
#include "gateway/source/redis_streams.h"
#endif

namespace sluice::source {

namespace {

bool is_postgres(std::string_view scheme) { return scheme == "postgres" || scheme == "postgresql"; }
bool is_sse_backend(std::string_view scheme) { return scheme == "https" || scheme == "http"; }

}  // namespace

Positions make_positions(const config::Source& config, std::uint32_t random) {
  const std::string_view scheme = config.scheme();
  if (is_postgres(scheme) && !config.table.empty()) return {std::make_shared<topic::PairFormat>('.', false), true};
  if ((scheme == "redis" || scheme == "rediss") && !config.stream.empty())
    return {std::make_shared<topic::PairFormat>('-', true), true};
#ifdef SLUICE_WITH_LIBNATS
  if ((scheme == "nats" || scheme == "tls") && !config.stream.empty())
    return {std::make_shared<StreamPositionFormat>(), true};
#endif
#ifdef SLUICE_WITH_RDKAFKA
  if (scheme == "kafka") return {std::make_shared<KafkaFormat>(), true};
#endif
  const proto::Epoch epoch = proto::Epoch::from_random(random);
  if (is_sse_backend(scheme)) return {std::make_shared<SseBackendFormat>(epoch), true};
#ifdef SLUICE_WITH_SQLITE
  if (config.history.store == config::History::Store::disk)
    return {std::make_shared<topic::EpochFormat>(disk_epoch(config, epoch)), true};
#endif
  return {std::make_shared<topic::EpochFormat>(epoch), false};
}

void check_source(const config::Source& config) {
  if (is_sse_backend(config.scheme())) check_sse_backend(config);
#ifdef SLUICE_WITH_LIBPQ
  if (is_postgres(config.scheme())) check_postgres(config);
#endif
#ifdef SLUICE_WITH_HIREDIS
  if (const std::string_view scheme = config.scheme(); scheme == "redis" || scheme == "rediss") {
    static_cast<void>(parse_redis_url(config.url));
    static_cast<void>(CaptureTemplate(config.name, config.stream.empty() ? config.channel : config.stream));
    static_cast<void>(make_redis_tls(config));
  }
#endif
#ifdef SLUICE_WITH_LIBMOSQUITTO
  if (const std::string_view scheme = config.scheme(); scheme == "mqtt" || scheme == "mqtts") check_mqtt(config);
#endif
#ifdef SLUICE_WITH_RDKAFKA
  if (config.scheme() == "kafka") check_kafka(config);
#endif
#ifdef SLUICE_WITH_LIBNATS
  if (const std::string_view scheme = config.scheme(); scheme == "nats" || scheme == "tls") check_nats(config);
#endif
}

std::unique_ptr<Source> make_source(Context&& context) {
  const std::string_view scheme = context.config.scheme();
  if (scheme == "demo") return std::make_unique<Demo>(std::move(context));
  if (scheme == "exec") return std::make_unique<Exec>(std::move(context));
  if (is_sse_backend(scheme)) return std::make_unique<SseBackend>(std::move(context));
  if (scheme == "file") return std::make_unique<File>(std::move(context));
#ifdef SLUICE_WITH_LIBMOSQUITTO
  if (scheme == "mqtt" || scheme == "mqtts") return std::make_unique<Mqtt>(std::move(context));
#endif
#ifdef SLUICE_WITH_LIBNATS
  if (scheme == "nats" || scheme == "tls") {
    if (context.config.stream.empty()) return std::make_unique<NatsCore>(std::move(context));
    return std::make_unique<NatsJetStream>(std::move(context));
  }
#endif
#ifdef SLUICE_WITH_SQLITE
  if (context.config.history.store == config::History::Store::disk)
    return std::make_unique<PublishDisk>(std::move(context));
#endif
  if (scheme == "publish") return std::make_unique<Publish>(std::move(context));
#ifdef SLUICE_WITH_LIBPQ
  if (is_postgres(scheme) && !context.config.table.empty()) return std::make_unique<PostgresOutbox>(std::move(context));
  if (is_postgres(scheme)) return std::make_unique<PostgresListen>(std::move(context));
#endif
#ifdef SLUICE_WITH_HIREDIS
  if (scheme == "redis" || scheme == "rediss") {
    if (context.config.stream.empty()) return std::make_unique<RedisChannels>(std::move(context));
    return std::make_unique<RedisStreams>(std::move(context));
  }
#endif
#ifdef SLUICE_WITH_RDKAFKA
  if (scheme == "kafka") return std::make_unique<Kafka>(std::move(context));
#endif
  throw std::runtime_error("source." + context.config.name + ".url: no adapter for `" + context.config.url +
                           "` in this build");
}

}  // namespace sluice::source
