#include <doctest/doctest.h>

#include "bench/command.h"

using sluice::bench::typed_command;

TEST_CASE("a command is shown as a shell takes it") {
  CHECK(typed_command({"bench", "https://h/topics/t{i}", "-c", "100", "--expect", "p99<50ms,lost=0"}) ==
        "sluice bench 'https://h/topics/t{i}' -c 100 --expect 'p99<50ms,lost=0'");
  CHECK(typed_command({"bench", "--publish-body", "it's {data}", ""}) ==
        "sluice bench --publish-body 'it'\\''s {data}' ''");
}

TEST_CASE("secrets are left out of a command, however they were written") {
  for (const auto& arguments :
       std::vector<std::vector<std::string>>{{"bench", "--token", "swordfish"},
                                             {"bench", "--publish-token=swordfish"},
                                             {"bench", "-H", "Authorization: Bearer swordfish"},
                                             {"bench", "-HCookie: session=swordfish"},
                                             {"bench", "--header=X-Api-Key: swordfish"},
                                             {"bench", "--publish-header", "authorization:swordfish"},
                                             {"bench", "https://h/x?topic=a&authorization=swordfish"},
                                             {"bench", "--publish-url", "https://h/x?access_token=swordfish&b=c"}}) {
    const std::string typed = typed_command(arguments);
    CHECK_MESSAGE(typed.find("swordfish") == std::string::npos, typed);
    CHECK_MESSAGE(typed.find("***") != std::string::npos, typed);
  }
  CHECK(typed_command({"bench", "-H", "accept-language: de", "https://h/x?topic=a&b"}) ==
        "sluice bench -H 'accept-language: de' 'https://h/x?topic=a&b'");
}
