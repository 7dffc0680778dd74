#include "gateway/observe/log_line.h"

#include <array>
#include <cmath>
#include <random>

#include <doctest/doctest.h>
#include <boost/json/src.hpp>

using namespace sluice::observe;

namespace {

const WallTime instant{std::chrono::milliseconds(1'795'367'408'123)};

std::string json(std::string_view message, std::initializer_list<LogField> fields) {
  return json_line(instant, "info", message, {fields.begin(), fields.size()});
}
std::string text(std::string_view message, std::initializer_list<LogField> fields) {
  return text_line(message, {fields.begin(), fields.size()});
}

}  // namespace

TEST_CASE("a time is RFC 3339 in UTC with milliseconds") {
  CHECK(time_text(instant) == "2026-11-22T17:10:08.123Z");
  CHECK(time_text(WallTime{}) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("a JSON line keeps the type of each value") {
  CHECK(json("listening", {{"address", ":8443"}, {"workers", 2U}, {"delta", -3}, {"load", 0.5}, {"tls", true}}) ==
        R"({"time":"2026-11-22T17:10:08.123Z","level":"info","message":"listening","address":":8443","workers":2,)"
        R"("delta":-3,"load":0.5,"tls":true})");
  CHECK(json("x", {{"a", std::nan("")}, {"b", INFINITY}}).ends_with(R"("a":null,"b":null})"));
}

TEST_CASE("a text line is the message and key=value, quoted when it must be") {
  CHECK(text("stream ended", {{"path", "/demo/clock"}, {"status", 200}, {"reason", "peer went away"}, {"none", ""}}) ==
        R"(stream ended path=/demo/clock status=200 reason="peer went away" none="")");
}

TEST_CASE("what a peer sends forges no field, no line and no terminal sequence") {
  CHECK(text("x", {{"path", "/a\nlevel=error"}}) == R"(x path="/a\u000alevel=error")");
  CHECK(text("x", {{"path", "/a\x1b[2J"}}) == R"(x path="/a\u001b[2J")");
  CHECK(text("x", {{"path", "/a\xc2\x9b"}}) == R"(x path="/a\u009b")");
  CHECK(text("x", {{"path", "a b=c"}}) == R"(x path="a b=c")");
  CHECK(text("a\nb", {}) == R"(a\u000ab)");
}

TEST_CASE("any bytes make one line of valid JSON with the valid UTF-8 intact") {
  CHECK(json("é → 🙂", {}).find("é → 🙂") != std::string::npos);
  const std::string invalid[] = {"\xff",         "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                 "\xf0\x9f\x99", "a\xc3",    "\x80"};
  for (const std::string& bytes : invalid) CHECK(json("x", {{"v", bytes}}).find("\\ufffd") != std::string::npos);

  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::string key(random() % 8, '\0'), value(random() % 40, '\0');
    for (char& c : key) c = static_cast<char>(random());
    for (char& c : value) c = static_cast<char>(random() % 4 == 0 ? random() : 0xc0 + random() % 64);
    const std::string line = json(value, {{key, value}});
    CHECK(line.find_first_of("\n\r") == std::string::npos);
    boost::system::error_code error;
    const auto parsed = boost::json::parse(line, error);
    REQUIRE_MESSAGE(!error, line);
    CHECK(parsed.as_object().contains("message"));
  }
}
