#include "gateway/source/redis_errors.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

struct RefusalRow {
  std::string_view url, refusal, text;
};

// The refusals as Redis 5 and 7 write them.
const RefusalRow refusal_rows[] = {
    {"redis://localhost", "NOAUTH Authentication required.",
     "redis at localhost:6379 wants a password: write redis://:password@localhost:6379 in the source's url"},
    {"redis://:hidden@localhost", "WRONGPASS invalid username-password pair or user is disabled.",
     "redis at localhost:6379 refuses the password: mend it in the source's url (it says: WRONGPASS invalid "
     "username-password pair or user is disabled.)"},
    {"rediss://reader:hidden@localhost:7000", "WRONGPASS invalid username-password pair or user is disabled.",
     "redis at localhost:7000 refuses the password of user reader: mend it in the source's url (it says: WRONGPASS "
     "invalid username-password pair or user is disabled.)"},
    {"redis://:hidden@localhost", "ERR invalid password",
     "redis at localhost:6379 refuses the password: mend it in the source's url (it says: ERR invalid password)"},
    {"redis://:hidden@localhost",
     "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration "
     "is correct?",
     "redis at localhost:6379 has no password: remove it from the source's url"},
    {"redis://:hidden@localhost", "ERR Client sent AUTH, but no password is set",
     "redis at localhost:6379 has no password: remove it from the source's url"},
    {"redis://reader:hidden@localhost", "ERR wrong number of arguments for 'auth' command",
     "redis at localhost:6379 knows no users (Redis before 6): write redis://:password@localhost:6379"},
    {"redis://localhost/99", "ERR DB index is out of range",
     "redis at localhost:6379 has no database 99: mend the number at the end of the source's url"},
    {"redis://localhost", "LOADING Redis is loading the dataset in memory",
     "redis at localhost:6379 is still loading its data"},
    {"redis://[::1]", "ERR max number of clients reached",
     "redis at [::1]:6379 refuses the connection (it says: ERR max number of clients reached)"},
};

TEST_CASE("what Redis refuses is explained with its remedy, and without the password") {
  for (const RefusalRow& row : refusal_rows) {
    CAPTURE(row.refusal);
    const std::string text = explain_redis_refusal(row.refusal, parse_redis_url(row.url));
    CHECK(text == row.text);
    CHECK(text.find("hidden") == std::string::npos);
  }
}

TEST_CASE("a refusal that is about a key says nothing of other keys") {
  for (const std::string_view error :
       {"WRONGTYPE Operation against a key holding the wrong kind of value",
        "NOPERM this user has no permissions to access one of the keys used as arguments",
        "NOPERM No permissions to access a key",
        "NOPERM this user has no permissions to access one of the channels used",
        "NOPERM User reader has no permissions to access the 'k:x' key"})
    CHECK_MESSAGE(is_about_key(error), error);
  for (const std::string_view error :
       {"NOPERM this user has no permissions to run the 'xinfo|stream' command", "BUSY Redis is busy running a script.",
        "LOADING Redis is loading the dataset in memory", "OOM command not allowed when used memory > 'maxmemory'.",
        "NOPERM User reader has no permissions to run the 'keys' command"})
    CHECK_FALSE_MESSAGE(is_about_key(error), error);
}

}  // namespace
}  // namespace sluice::source
