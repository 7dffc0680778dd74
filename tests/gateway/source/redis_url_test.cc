#include "gateway/source/redis_url.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace sluice::source {
namespace {

struct UrlRow {
  std::string_view text, host, authority, user, password;
  bool tls = false;
  std::uint32_t database = 0;
};

const UrlRow url_rows[] = {
    {"redis://localhost", "localhost", "localhost:6379", "", ""},
    {"redis://localhost:6380/", "localhost", "localhost:6380", "", ""},
    {"redis://localhost:", "localhost", "localhost:6379", "", ""},
    {"redis://127.0.0.1:1/15", "127.0.0.1", "127.0.0.1:1", "", "", false, 15},
    {"redis://[::1]:6379", "::1", "[::1]:6379", "", ""},
    {"rediss://redis.example", "redis.example", "redis.example:6379", "", "", true},
    {"redis://:secret@localhost", "localhost", "localhost:6379", "", "secret"},
    {"redis://reader:secret@localhost/2", "localhost", "localhost:6379", "reader", "secret", false, 2},
    {"redis://re%40der:p%2Fa%3As%25s%23%3f@localhost", "localhost", "localhost:6379", "re@der", "p/a:s%s#?"},
    {"redis://:a:b!$&'()*+,;=@localhost", "localhost", "localhost:6379", "", "a:b!$&'()*+,;="},
    {"redis://nopass:@localhost", "localhost", "localhost:6379", "nopass", ""},
    {"redis://:@localhost", "localhost", "localhost:6379", "", ""},
    {"redis://redis_1.internal-net", "redis_1.internal-net", "redis_1.internal-net:6379", "", ""},
};

TEST_CASE("redis URLs: host, port, user, password, database and TLS") {
  for (const UrlRow& row : url_rows) {
    CAPTURE(row.text);
    const RedisUrl url = parse_redis_url(row.text);
    CHECK(url.host == row.host);
    CHECK(url.authority() == row.authority);
    CHECK(url.user == row.user);
    CHECK(url.password == row.password);
    CHECK(url.tls == row.tls);
    CHECK(url.database == row.database);
  }
}

struct WrongRow {
  std::string_view text, error;
};

const WrongRow wrong_rows[] = {
    {"", "the scheme must be redis"},
    {"http://localhost", "the scheme must be redis"},
    {"redisx://localhost", "the scheme must be redis"},
    {"redis:localhost", "two slashes are missing"},
    {"redis://", "the host is missing"},
    {"redis://:6379", "the host is missing"},
    {"redis://:tops3cret@", "the host is missing"},
    {"redis://:123/tops3cret@localhost", "%2F"},
    {"redis://:tops#ecret@localhost", "# as %23"},
    {"redis://:tops@ecret@localhost", "@ as %40"},
    {"redis://:tops%zzecret@localhost", "% as %25"},
    {"redis://:tops ecret@localhost", "not a URL"},
    {"redis://:@tops@ecret", "not a URL"},
    {"redis://reader@localhost", "a user without a password"},
    {"redis://localhost:0", "from 1 to 65535"},
    {"redis://localhost:65536", "from 1 to 65535"},
    {"redis://localhost:http", "not a URL"},
    {"redis://localhost/orders", "the number of a database"},
    {"redis://localhost/1/2", "the number of a database"},
    {"redis://localhost/-1", "the number of a database"},
    {"redis://localhost/2147483648", "the number of a database"},
    {"redis://localhost/99999999999999999999", "the number of a database"},
    {"redis://localhost?db=1", "no query and no fragment"},
    {"redis://localhost/1#2", "no query and no fragment"},
    {"redis://local%20host", "neither a name nor an address"},
    {"redis://local%00host", "neither a name nor an address"},
    {"redis://[v1.x]", "neither a name nor an address"},
};

TEST_CASE("a wrong redis URL: the error says what to write, and never repeats the password") {
  for (const WrongRow& row : wrong_rows) {
    CAPTURE(row.text);
    std::string error;
    try {
      (void)parse_redis_url(row.text);
    } catch (const std::invalid_argument& thrown) {
      error = thrown.what();
    }
    CAPTURE(error);
    CHECK(error.find(row.error) != std::string::npos);
    for (const std::string_view secret : {"tops", "ecret", "s3cret"}) CHECK(error.find(secret) == std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::source
