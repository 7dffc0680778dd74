// A connection to NATS servers, made by a blocking call on a thread of the source's own, and what its failures mean for
// the person who wrote the source's URL. libnats does not reconnect: the source does, since it knows its place.
// A server that hangs is noticed by its silence within 10 s; the connection is closed then, and its calls end.
// Invariant: no text repeats a password or token.
#pragma once

#include <string>

#include <boost/system/result.hpp>

#include "gateway/config/config.h"
#include "gateway/source/nats_handles.h"
#include "gateway/source/nats_url.h"

namespace sluice::source {

struct NatsConnected {
  NatsConnection connection;  // nullptr: it failed, ...
  std::string why;            // ... with the remedy where there is one
};
// Blocks for at most 3 s per server, and for as long as the system's resolver takes.
[[nodiscard]] NatsConnected connect_nats(const NatsUrl& url, const config::SourceTls& tls, const std::string& source);

// Throws std::invalid_argument with what is wrong with the source's keys, as far as that shows without a server.
void check_nats(const config::Source& config);

// What was wrong last on this thread, as libnats says it: "Timeout".
[[nodiscard]] std::string nats_failure(natsStatus status);

}  // namespace sluice::source
