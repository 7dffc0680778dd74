#include "gateway/config/listen_address.h"

#include <doctest/doctest.h>

using namespace sluice::config;

TEST_CASE("an address is a host and a port, or a port on every address") {
  struct Row {
    const char* text;
    ListenAddress address;
    bool loopback;
  };
  const Row rows[] = {
      {"127.0.0.1:8443", {"127.0.0.1", 8443}, true},
      {"127.8.8.8:1", {"127.8.8.8", 1}, true},
      {":8443", {"", 8443}, false},
      {"0.0.0.0:443", {"0.0.0.0", 443}, false},
      {"[::1]:0", {"::1", 0}, true},
      {"[::]:65535", {"::", 65535}, false},
      {"localhost:8443", {"localhost", 8443}, true},
      {"gateway-1.example.com:8443", {"gateway-1.example.com", 8443}, false},
      {"10.0.0.1:8443", {"10.0.0.1", 8443}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::string problem;
    CHECK(parse_listen_address(row.text, problem) == row.address);
    CHECK(problem == "");
    CHECK(row.address.loopback() == row.loopback);
    CHECK(listen_address_text(row.address) == row.text);
  }
}

TEST_CASE("an address that is none says how to write it") {
  struct Row {
    const char* text;
    const char* problem;
  };
  const Row rows[] = {
      {"8443", "write \":8443\" for every address or \"127.0.0.1:8443\""},
      {"localhost", "has no port; write \"host:port\", \":8443\" or \"[::1]:8443\""},
      {"[::1]", "has no port; write \"host:port\", \":8443\" or \"[::1]:8443\""},
      {"", "has no port; write \"host:port\", \":8443\" or \"[::1]:8443\""},
      {":65536", "port must be 0 to 65535 (0: the kernel chooses)"},
      {":", "port must be 0 to 65535 (0: the kernel chooses)"},
      {":-1", "port must be 0 to 65535 (0: the kernel chooses)"},
      {"::1:8443", "an IPv6 address stands in brackets: \"[::1]:8443\""},
      {"[::g]:8443", "no IPv6 address between the brackets"},
      {"[]:8443", "the host must be an IP address, \"localhost\" or nothing (every address)"},
      {"256.1.1.1:8443", "the host must be an IP address, \"localhost\" or nothing (every address)"},
      {"a b:8443", "the host must be an IP address, \"localhost\" or nothing (every address)"},
      {"https://localhost:8443", "an IPv6 address stands in brackets: \"[::1]:8443\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    std::string problem;
    static_cast<void>(parse_listen_address(row.text, problem));
    CHECK(problem == row.problem);
  }
}
