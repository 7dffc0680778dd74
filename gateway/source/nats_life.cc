#include "gateway/source/nats_life.h"

#include <stdexcept>
#include <utility>

namespace sluice::source {

namespace {

NatsUrl parse(const config::Source& config) {
  try {
    return parse_nats_url(config.url);
  } catch (const std::invalid_argument& wrong) {
    throw std::runtime_error("source." + config.name + ".url: " + wrong.what());
  }
}

}  // namespace

NatsLife::NatsLife(const Context& context, NatsHandover& handover)
    : config_(context.config),
      url_(parse(context.config)),
      metrics_(context.metrics),
      handover_(handover),
      backoff_(std::mt19937_64(context.random)()) {}

void NatsLife::start(Serve serve) {
  thread_ = std::thread([this, serve = std::move(serve)] { run(serve); });
}

void NatsLife::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (connection_) natsConnection_Close(connection_.get());
  }
  if (thread_.joinable()) thread_.join();
}

bool NatsLife::keep(NatsConnection connection) {
  const std::lock_guard lock(mutex_);
  connection_ = std::move(connection);
  return !handover_.stopped();
}

void NatsLife::set_up() {
  backoff_.reset();
  handover_.answer([this, again = std::exchange(was_up_, true)](topic::TimePoint) {
    if (again) metrics_.reconnects.add();
    metrics_.set_state(observe::SourceState::up);
  });
}

void NatsLife::run(const Serve& serve) {
  do {
    NatsConnected made = connect_nats(url_, config_.tls, config_.name);
    std::string why = std::move(made.why);
    if (made.connection && keep(made.connection)) why = serve(made.connection);
    if (made.connection) natsConnection_Close(made.connection.get());
    if (!keep(nullptr)) break;
    handover_.answer([this, why](topic::TimePoint) { metrics_.set_state(observe::SourceState::down, why); });
  } while (handover_.sleep(backoff_.next()));
  nats_ReleaseThreadMemory();
}

}  // namespace sluice::source
