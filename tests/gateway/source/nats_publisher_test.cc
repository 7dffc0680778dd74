#include "gateway/source/nats_publisher.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

using Kind = topic::PublishResult::Kind;

struct Row {
  std::string_view answer;
  Kind kind;
  std::string_view text;  // the position, or a part of the detail
  std::size_t repeated = 0;
};

const Row rows[] = {
    {R"({"stream":"FLEET","seq":12})", Kind::appended, "000a.12"},
    {R"({"stream":"FLEET","seq":7,"duplicate":true})", Kind::appended, "000a.7", 1},
    {R"({"stream":"FLEET","domain":"hub","seq":18446744073709551615})", Kind::appended, "000a.18446744073709551615"},
    {R"({"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"X","seq":0})",
     Kind::refused, "expected stream does not match"},
    {R"({"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"}})", Kind::storage_full,
     "maximum messages exceeded"},
    {R"({"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}})", Kind::refused,
     "message size"},
    {R"({"error":{"code":500,"err_code":10047,"description":"insufficient storage resources"}})", Kind::storage_full,
     "insufficient storage"},
    {R"({"error":{"code":503,"err_code":10008,"description":"JetStream system temporarily unavailable"}})",
     Kind::unavailable, "temporarily"},
    {"+OK", Kind::unavailable, "whoever answers to `fleet.eu` is not JetStream"},
    {"", Kind::unavailable, "is not JetStream"},
    {R"({"seq":"x"})", Kind::unavailable, "is not JetStream"},
};

TEST_CASE("what JetStream answers to a publish") {
  for (const Row& row : rows) {
    CAPTURE(row.answer);
    const topic::PublishResult result = NatsPublisher::result_of(row.answer, 10, "fleet.eu");
    CHECK(result.kind == row.kind);
    CHECK(result.repeated == row.repeated);
    if (row.kind == Kind::appended) {
      REQUIRE(result.positions.size() == 1);
      CHECK(result.positions.front() == row.text);
    } else {
      CHECK(result.positions.empty());
      CHECK(result.detail.find(row.text) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace sluice::source
