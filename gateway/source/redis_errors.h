// What a Redis server's refusals mean: for the person who wrote the source's URL, and for who asked. Pure; used by
// source/redis_connection while it introduces itself, and by the adapters. Invariant: no text repeats the password.
#pragma once

#include <string>
#include <string_view>

#include "gateway/source/redis_url.h"

namespace sluice::source {

// `refusal` is the text of an error reply to AUTH, PING or SELECT ("WRONGPASS …"): the server, what it refuses, and the
// remedy where there is one.
[[nodiscard]] std::string explain_redis_refusal(std::string_view refusal, const RedisUrl& url);
// Whether an error reply is about a key or channel that the command named (another type stands there, or the user may
// not use it); else it is about the command, the user or the server, and other names will fare no better.
[[nodiscard]] bool is_about_key(std::string_view error);

}  // namespace sluice::source
