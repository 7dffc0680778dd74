#include "gateway/source/source.h"

#include <stdexcept>

#include "gateway/source/demo.h"
#include "gateway/source/exec.h"
#include "gateway/source/file.h"
#include "gateway/source/publish.h"
#ifdef SLUICE_WITH_LIBMOSQUITTO
#include "gateway/source/mqtt.h"
#endif

namespace sluice::source {

Positions make_positions(const config::Source&, std::uint32_t random) {
  return {std::make_shared<topic::EpochFormat>(proto::Epoch::from_random(random)), false};
}

std::unique_ptr<Source> make_source(Context&& context) {
  const std::string_view scheme = context.config.scheme();
  if (scheme == "demo") return std::make_unique<Demo>(std::move(context));
  if (scheme == "exec") return std::make_unique<Exec>(std::move(context));
  if (scheme == "file") return std::make_unique<File>(std::move(context));
#ifdef SLUICE_WITH_LIBMOSQUITTO
  if (scheme == "mqtt" || scheme == "mqtts") return std::make_unique<Mqtt>(std::move(context));
#endif
  if (scheme == "publish") return std::make_unique<Publish>(std::move(context));
  throw std::runtime_error("source." + context.config.name + ".url: no adapter for `" + context.config.url +
                           "` in this build");
}

}  // namespace sluice::source
