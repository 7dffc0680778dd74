#include "gateway/source/source.h"

#include <stdexcept>

#include "gateway/source/demo.h"
#ifdef SLUICE_WITH_LIBNATS
#include "gateway/source/nats_core.h"
#include "gateway/source/nats_jetstream.h"
#endif
#include "gateway/source/publish.h"

namespace sluice::source {

Positions make_positions(const config::Source& config, std::uint32_t random) {
#ifdef SLUICE_WITH_LIBNATS
  if ((config.scheme() == "nats" || config.scheme() == "tls") && !config.stream.empty())
    return {std::make_shared<StreamPositionFormat>(), true};
#endif
  return {std::make_shared<topic::EpochFormat>(proto::Epoch::from_random(random)), false};
}

std::unique_ptr<Source> make_source(Context&& context) {
  const std::string_view scheme = context.config.scheme();
  if (scheme == "demo") return std::make_unique<Demo>(std::move(context));
#ifdef SLUICE_WITH_LIBNATS
  if (scheme == "nats" || scheme == "tls") {
    if (context.config.stream.empty()) return std::make_unique<NatsCore>(std::move(context));
    return std::make_unique<NatsJetStream>(std::move(context));
  }
#endif
  if (scheme == "publish") return std::make_unique<Publish>(std::move(context));
  throw std::runtime_error("source." + context.config.name + ".url: no adapter for `" + context.config.url +
                           "` in this build");
}

}  // namespace sluice::source
