// Owners of libnats' C objects: every handle is a unique_ptr with a stateless deleter.
#pragma once

#include <nats/nats.h>

#include <memory>

namespace sluice::source {

template <auto destroy>
struct NatsDestroy {
  template <class Object>
  void operator()(Object* object) const noexcept {
    destroy(object);
  }
};

using NatsOptionsHandle = std::unique_ptr<natsOptions, NatsDestroy<natsOptions_Destroy>>;
using NatsMessage = std::unique_ptr<natsMsg, NatsDestroy<natsMsg_Destroy>>;
using NatsInboxHandle = std::unique_ptr<natsInbox, NatsDestroy<natsInbox_Destroy>>;
using NatsSubscription = std::unique_ptr<natsSubscription, NatsDestroy<natsSubscription_Destroy>>;
using JetStreamContext = std::unique_ptr<jsCtx, NatsDestroy<jsCtx_Destroy>>;
using JetStreamInfo = std::unique_ptr<jsStreamInfo, NatsDestroy<jsStreamInfo_Destroy>>;
using JetStreamConsumerInfo = std::unique_ptr<jsConsumerInfo, NatsDestroy<jsConsumerInfo_Destroy>>;

// A connection is used by several threads of its source: it goes with the last of them. Closed by anyone of them, it
// ends the calls of all.
using NatsConnection = std::shared_ptr<natsConnection>;

// The header's first value; empty where there is none.
[[nodiscard]] inline const char* nats_header(natsMsg* message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(message, name, &value) == NATS_OK && value != nullptr ? value : "";
}

}  // namespace sluice::source
