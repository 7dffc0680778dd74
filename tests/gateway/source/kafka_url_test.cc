#include "gateway/source/kafka_url.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using namespace sluice;
using source::parse_kafka_url;

TEST_CASE("a URL names brokers, and who we are there") {
  struct Row {
    const char* url;
    const char* servers;
    const char* user;
    const char* password;
  };
  const Row rows[] = {
      {"kafka://localhost", "localhost:9092", "", ""},
      {"kafka://localhost:9093/", "localhost:9093", "", ""},
      {"kafka://a,b:9093,[::1],10.0.0.7:1", "a:9092,b:9093,[::1]:9092,10.0.0.7:1", "", ""},
      {"kafka://u:p@kafka-1.example.com", "kafka-1.example.com:9092", "u", "p"},
      {"kafka://u%40x:p%3A%2F%2Cq:r@a,b", "a:9092,b:9092", "u@x", "p:/,q:r"},
      {"kafka://u:@a", "a:9092", "u", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    const auto url = parse_kafka_url(row.url);
    CHECK(url.servers == row.servers);
    CHECK(url.user == row.user);
    CHECK(url.password == row.password);
  }
}

TEST_CASE("a URL that cannot be one says why, and keeps its password to itself") {
  struct Row {
    const char* url;
    const char* words;
  };
  const Row rows[] = {
      {"kafkas://a", "scheme"},
      {"kafka:a", "two slashes"},
      {"kafka://", "a host is"},
      {"kafka://a,,b", "a host is"},
      {"kafka://a:0", "the port"},
      {"kafka://a:65536", "the port"},
      {"kafka://a:x", "the port"},
      {"kafka://:9092", "a host is"},
      {"kafka://secret@a", "user or password"},
      {"kafka://:secret@a", "user or"},
      {"kafka://u:secret%4@a", "hexadecimal"},
      {"kafka://u:secret%00@a", "hexadecimal"},
      {"kafka://u:sec/ret@a b", "a host is"},
      {"kafka://a/topic", "a host is"},
      {"kafka://[::1", "a host is"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.url);
    std::string why;
    try {
      static_cast<void>(parse_kafka_url(row.url));
    } catch (const std::invalid_argument& error) {
      why = error.what();
    }
    CHECK(why.find(row.words) != std::string::npos);
    CHECK(why.find("sec") == std::string::npos);
  }
}
