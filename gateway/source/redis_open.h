// What every Redis adapter opens: connections by the source's URL, TLS where it says `rediss:`. Called once at start.
#pragma once

#include <memory>
#include <string>

#include "gateway/source/redis_link.h"
#include "gateway/source/source.h"

namespace sluice::source {

// nullptr without TLS. Throws std::runtime_error with the file and the remedy.
[[nodiscard]] std::unique_ptr<proto::TlsContext> make_redis_tls(const config::Source& config);
// `purpose` stands in CLIENT LIST. Throws std::invalid_argument when the URL is none.
[[nodiscard]] std::unique_ptr<RedisLink> make_redis_link(Context& context, client::ReadBuffers& buffers,
                                                         const proto::TlsContext* tls, const std::string& purpose);

}  // namespace sluice::source
