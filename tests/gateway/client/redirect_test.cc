#include "gateway/client/redirect.h"

#include <doctest/doctest.h>

#include <string>

namespace sluice::client {
namespace {

const proto::Request base{"GET", "https", "Example.com:8443", "/b/c/d;p", "q", {}};

TEST_CASE("a reference that stays at its server is resolved as RFC 3986 does") {
  const struct {
    const char *location, *path, *query;
  } rows[] = {
      {"/a", "/a", ""},
      {"/a?x=1&y", "/a", "x=1&y"},
      {"/a#fragment?no", "/a", ""},
      {"https://example.com:8443", "/", ""},
      {"https://example.com:8443?x", "/", "x"},
      {"HTTPS://EXAMPLE.com:8443/a", "/a", ""},
      {"//example.com:8443/a", "/a", ""},
      {"/a:b", "/a:b", ""},
      {"./a:b", "/b/c/a:b", ""},
      // §5.4.1 and §5.4.2, as far as they stay here.
      {"g", "/b/c/g", ""},
      {"./g", "/b/c/g", ""},
      {"g/", "/b/c/g/", ""},
      {"?y", "/b/c/d;p", "y"},
      {"g?y", "/b/c/g", "y"},
      {"#s", "/b/c/d;p", "q"},
      {"g?y#s", "/b/c/g", "y"},
      {";x", "/b/c/;x", ""},
      {".", "/b/c/", ""},
      {"./", "/b/c/", ""},
      {"..", "/b/", ""},
      {"../", "/b/", ""},
      {"../g", "/b/g", ""},
      {"../..", "/", ""},
      {"../../g", "/g", ""},
      {"../../../../g", "/g", ""},
      {"/./g", "/g", ""},
      {"/../g", "/g", ""},
      {"g.", "/b/c/g.", ""},
      {"..g", "/b/c/..g", ""},
      {"./g/.", "/b/c/g/", ""},
      {"g/./h", "/b/c/g/h", ""},
      {"g/../h", "/b/c/h", ""},
      {"g;x=1/../y", "/b/c/y", ""},
      {"g?y/../x", "/b/c/g", "y/../x"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.location));
    const auto place = resolve_here(base, row.location);
    REQUIRE(place);
    CHECK(place->path == row.path);
    CHECK(place->query == row.query);
  }
}

TEST_CASE("a default port is as good as none") {
  const proto::Request secure{"GET", "https", "a", "/", "", {}}, plain{"GET", "http", "a:80", "/", "", {}};
  CHECK(resolve_here(secure, "https://a:443/x"));
  CHECK(resolve_here(secure, "https://a:/x"));
  CHECK(resolve_here(plain, "http://a/x"));
  CHECK_FALSE(resolve_here(secure, "https://a:80/x"));
  CHECK_FALSE(resolve_here(plain, "http://a:443/x"));
}

TEST_CASE("a reference that leads away, or cannot be read, is none") {
  for (const char* location :
       {"", "http://example.com:8443/a", "https://example.com/a", "https://example.com:8444/a", "https://evil.com/a",
        "https://example.com:8443.evil.com/a", "https://example.com:8443@evil.com/a", "https://user@example.com:8443/a",
        "//evil.com/a", "//", "https:a", "https:/a", "file:///etc/passwd", "data:text/event-stream,x", "ftp://a/b",
        "/a b", "/a\r\nx: y", "/a\x7f"}) {
    CAPTURE(std::string(location));
    CHECK_FALSE(resolve_here(base, location));
  }
}

TEST_CASE("the statuses that lead a GET elsewhere") {
  for (const int status : {301, 302, 303, 307, 308}) CHECK(is_redirect(status));
  for (const int status : {200, 204, 300, 304, 305, 306, 309, 400}) CHECK_FALSE(is_redirect(status));
}

}  // namespace
}  // namespace sluice::client
