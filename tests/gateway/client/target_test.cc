#include "gateway/client/target.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

namespace sluice::client {
namespace {

TEST_CASE("what a person types becomes a host, a port, a path and a query") {
  struct Row {
    const char* typed;
    const char* scheme;
    const char* authority;
    const char* path;
    const char* query;
  };
  const Row rows[] = {
      {"https://example.com", "https", "example.com", "/", ""},
      {"https://example.com/", "https", "example.com", "/", ""},
      {"https://example.com:8443/a/b?topic=x&topic=y", "https", "example.com:8443", "/a/b", "topic=x&topic=y"},
      {"https://example.com?topic=x", "https", "example.com", "/", "topic=x"},
      {"https://[::1]:9000/a", "https", "[::1]:9000", "/a", ""},
      {"https://127.0.0.1/a#fragment", "https", "127.0.0.1", "/a", ""},
      {"http://example.com/a", "http", "example.com", "/a", ""},
      {"http://example.com:443/a", "http", "example.com:443", "/a", ""},
      {"http://127.0.0.1:9000?topic=x", "http", "127.0.0.1:9000", "/", "topic=x"},
      {"https://example.com:80/a", "https", "example.com:80", "/a", ""},
      {"/demo/clock", "https", "localhost:8443", "/demo/clock", ""},
      {"/stream?topic=a", "https", "localhost:8443", "/stream", "topic=a"},
      {"greetings", "https", "localhost:8443", "/topics/greetings", ""},
      {"greetings?last_event_id=1", "https", "localhost:8443", "/topics/greetings", "last_event_id=1"},
      {"demo/clock", "https", "localhost:8443", "/demo/clock", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.typed);
    const Target target = parse_target(row.typed);
    CHECK(target.scheme() == std::string_view(row.scheme));
    CHECK(target.authority() == row.authority);
    CHECK(target.path == row.path);
    CHECK(target.query == row.query);
  }
}

TEST_CASE("an address that cannot be meant is refused with a reason") {
  for (const char* typed :
       {"", "http:///a", "http://host:0/", "ftp://localhost/", "https:///a", "https://host:0/", "https://h:x/",
        "https://h:70000/", "https://[::1/", "https://user@host/", "/a b", "/a\n"}) {
    CAPTURE(typed);
    CHECK_THROWS_AS(parse_target(typed), std::invalid_argument);
  }
}

}  // namespace
}  // namespace sluice::client
