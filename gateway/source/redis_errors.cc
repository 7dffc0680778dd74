#include "gateway/source/redis_errors.h"

namespace sluice::source {

std::string explain_redis_refusal(std::string_view refusal, const RedisUrl& url) {
  const std::string server = "redis at " + url.authority();
  const std::string scheme = url.tls ? "rediss://" : "redis://";
  const auto says = [refusal](std::string_view words) { return refusal.find(words) != std::string_view::npos; };
  const std::string quoted = " (it says: " + std::string(refusal) + ")";

  if (refusal.starts_with("NOAUTH"))
    return server + " wants a password: write " + scheme + ":password@" + url.authority() + " in the source's url";
  // "ERR invalid password": before Redis 6.
  if (refusal.starts_with("WRONGPASS") || says("invalid password"))
    return server + " refuses the " + (url.user.empty() ? "password" : "password of user " + url.user) +
           ": mend it in the source's url" + quoted;
  if (says("without any password configured") || says("no password is set"))
    return server + " has no password: remove it from the source's url";
  if (says("wrong number of arguments for 'auth'"))
    return server + " knows no users (Redis before 6): write " + scheme + ":password@" + url.authority();
  if (says("DB index is out of range") || says("not allowed in cluster mode"))
    return server + " has no database " + std::to_string(url.database) +
           ": mend the number at the end of the source's url";
  if (refusal.starts_with("LOADING")) return server + " is still loading its data";
  return server + " refuses the connection" + quoted;
}

bool is_about_key(std::string_view error) {
  if (error.starts_with("WRONGTYPE")) return true;
  // "no permissions to access one of the keys used as arguments" (6, 7.0), "… to access a key", "… the 'x' key" (7.2).
  // A command's refusal says "to run the 'x' command".
  return error.starts_with("NOPERM") && error.find("to access ") != std::string_view::npos &&
         (error.find("key") != std::string_view::npos || error.find("channel") != std::string_view::npos);
}

}  // namespace sluice::source
