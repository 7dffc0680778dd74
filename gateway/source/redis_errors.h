// What a Redis server's refusals mean for the person who wrote the source's URL. Pure; used by source/redis_connection
// while it introduces itself. Invariant: no text repeats the password.
#pragma once

#include <string>
#include <string_view>

#include "gateway/source/redis_url.h"

namespace sluice::source {

// `refusal` is the text of an error reply to AUTH, PING or SELECT ("WRONGPASS …"): the server, what it refuses, and the
// remedy where there is one.
[[nodiscard]] std::string explain_redis_refusal(std::string_view refusal, const RedisUrl& url);

}  // namespace sluice::source
