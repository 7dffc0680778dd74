#include "gateway/source/mqtt_filter.h"

#include <doctest/doctest.h>

#include <optional>
#include <stdexcept>
#include <string>

using sluice::source::MqttFilter;

TEST_CASE("a message's topic is what the wildcards of the filter matched") {
  struct Row {
    const char* filter;
    const char* topic;
    std::optional<std::string> below;
  };
  const Row rows[] = {
      {"sensors/#", "sensors/a/b", "a/b"},
      {"sensors/#", "sensors", ""},
      {"sensors/#", "sensor/a", std::nullopt},
      {"sensors/#", "sensors/", ""},
      {"sensors/+/t", "sensors/a/t", "a"},
      {"sensors/+/t", "sensors/a/b", std::nullopt},
      {"sensors/+/t", "sensors/a/t/x", std::nullopt},
      {"sensors/+/t/+", "sensors/a/t/b", "a/b"},
      {"sensors/+/t/#", "sensors/a/t/b/c", "a/b/c"},
      {"sensors/+", "sensors", std::nullopt},
      {"sensors/t", "sensors/t", ""},
      {"sensors/t", "sensors/u", std::nullopt},
      {"#", "a/b", "a/b"},
      {"+/t", "a/t", "a/t"},
      {"+/+", "a/b", "a/b"},
      {"+", "a/b", std::nullopt},
      {"#", "$SYS/load", std::nullopt},
      {"$SYS/#", "$SYS/load/1", "load/1"},
      {"/devices/+", "/devices/a", "a"},
      {"#", "/a//b/", "a/b"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.filter);
    CAPTURE(row.topic);
    CHECK(MqttFilter(row.filter).below(row.topic) == row.below);
  }
}

TEST_CASE("a filter that no broker would take, and one that divides messages between gateways, is refused") {
  for (const char* filter : {"a/#/b", "a#", "a/b+", "+a", "#/", "##", "$share/group/a"}) {
    CAPTURE(filter);
    CHECK_THROWS_AS(MqttFilter{filter}, std::invalid_argument);
  }
  using namespace std::string_literals;
  CHECK_THROWS_AS(MqttFilter{"a\0b"s}, std::invalid_argument);
}
