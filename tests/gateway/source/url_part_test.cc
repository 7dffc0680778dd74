#include "gateway/source/url_part.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace sluice::source;

namespace {

std::string why(const auto& parse) {
  try {
    static_cast<void>(parse());
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "it was taken";
}

}  // namespace

TEST_CASE("a server is a name or an address, with a port or without") {
  struct Row {
    const char *text, *host, *authority;
  };
  for (const Row& row : {Row{"localhost", "localhost", "localhost:7"}, Row{"a-b_c.d:99", "a-b_c.d", "a-b_c.d:99"},
                         Row{"127.0.0.1:1", "127.0.0.1", "127.0.0.1:1"}, Row{"[::1]", "::1", "[::1]:7"},
                         Row{"[fe80::1:2]:65535", "fe80::1:2", "[fe80::1:2]:65535"},
                         Row{"[fe80::1%eth0]:1", "fe80::1%eth0", "[fe80::1%eth0]:1"}}) {
    CAPTURE(std::string(row.text));
    const UrlServer server = parse_url_server(row.text, 7, "");
    CHECK(server.host == row.host);
    CHECK(server.authority() == row.authority);
  }
}

TEST_CASE("what is no server is refused, with the remedy and without the text") {
  for (const char* text : {"", ":1", "::1", "[::1", "[]", "[]:1", "[::1]x", "[::1]x:1", "[localhost]", "[cafe]",
                           "[::1%]", "a b", "a/b", "a@b"}) {
    CAPTURE(std::string(text));
    CHECK(why([&] { return parse_url_server(text, 7, "; write so"); }) ==
          "a host is missing, or neither a name nor an address; write so");
  }
  for (const char* text : {"a:", "a:0", "a:65536", "a:x", "a:1x", "a:-1", "[::1]:"}) {
    CAPTURE(std::string(text));
    CHECK(why([&] { return parse_url_server(text, 7, "; write so"); }) ==
          "the port must be a number from 1 to 65535; write so");
  }
}

TEST_CASE("an account is percent-decoded") {
  CHECK(decode_url_part("a%40b%2f%3A", "") == "a@b/:");
  CHECK(decode_url_part("", "").empty());
  for (const char* text : {"%", "a%4", "%zz", "%4z", "%00", "% 4", "%-1"}) {
    CAPTURE(std::string(text));
    CHECK(why([&] { return decode_url_part(text, "; write so"); }) ==
          "`%` is not followed by two hexadecimal digits, or by 00; write so");
  }
}
