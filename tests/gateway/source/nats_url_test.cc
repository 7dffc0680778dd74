#include "gateway/source/nats_url.h"

#include <doctest/doctest.h>

#include <stdexcept>

namespace sluice::source {
namespace {

struct UrlRow {
  std::string_view text, authority, user, password, token;
  bool tls = false;
};

const UrlRow url_rows[] = {
    {"nats://localhost", "localhost:4222", "", "", ""},
    {"nats://localhost:4223/", "localhost:4223", "", "", ""},
    {"tls://nats.example", "nats.example:4222", "", "", "", true},
    {"nats://[::1]:4223", "[::1]:4223", "", "", ""},
    {"nats://[::1]", "[::1]:4222", "", "", ""},
    {"nats://a,b:4223,c", "a:4222,b:4223,c:4222", "", "", ""},
    {"nats://user:secret@a,b", "a:4222,b:4222", "user", "secret", ""},
    {"nats://us%40er:s%3Ae%2Cc%2F%22@nats_1", "nats_1:4222", "us@er", "s:e,c/\"", ""},
    {"nats://user:@localhost", "localhost:4222", "user", "", ""},
    {"nats://t%6Fken@localhost", "localhost:4222", "", "", "token"},
};

TEST_CASE("nats URLs: servers, account or token, TLS") {
  for (const UrlRow& row : url_rows) {
    CAPTURE(row.text);
    const NatsUrl url = parse_nats_url(row.text);
    CHECK(url.authority() == row.authority);
    CHECK(url.user == row.user);
    CHECK(url.password == row.password);
    CHECK(url.token == row.token);
    CHECK(url.tls == row.tls);
  }
}

struct WrongRow {
  std::string_view text, error;
};

const WrongRow wrong_rows[] = {
    {"", "the scheme must be nats"},
    {"natsx://localhost", "the scheme must be nats"},
    {"nats:localhost", "two slashes are missing"},
    {"nats://", "a host is missing"},
    {"nats://a,", "a host is missing"},
    {"nats://:tops3cret@localhost", "the user is missing"},
    {"nats://@localhost", "the token before `@` is empty"},
    {"nats://user:tops3cret@lo cal", "neither a name nor an address"},
    {"nats://user:tops/ecret", "the port must be"},
    {"nats://user:tops%zzecret@localhost", "hexadecimal"},
    {"nats://user:tops%00ecret@localhost", "hexadecimal"},
    {"nats://user:tops%2@localhost", "hexadecimal"},
    {"nats://localhost:0", "the port must be"},
    {"nats://localhost:65536", "the port must be"},
    {"nats://localhost:4222x", "the port must be"},
    {"nats://localhost/stream", "a host is missing"},
};

TEST_CASE("a nats URL that is wrong says why, and repeats no secret") {
  for (const WrongRow& row : wrong_rows) {
    CAPTURE(row.text);
    std::string error;
    try {
      static_cast<void>(parse_nats_url(row.text));
    } catch (const std::invalid_argument& wrong) {
      error = wrong.what();
    }
    CHECK(error.find(row.error) != std::string::npos);
    CHECK(error.find("tops") == std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::source
