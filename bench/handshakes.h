// New connections with one stream each, a full TLS handshake every time, as fast as the server takes them: what a
// reconnect storm costs it. Called by run_load() for Kind::handshakes.
#pragma once

#include "bench/load.h"

namespace sluice::bench {

// `options.connections` are kept in progress at once.
[[nodiscard]] Figures run_handshakes(const LoadOptions& options, const proto::TlsContext& tls);

}  // namespace sluice::bench
