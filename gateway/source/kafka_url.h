// KafkaUrl: where a Kafka cluster is and who we are there, from `kafka://[user:password@]host[:port][,host[:port]…]`. A
// value, parsed once at start. Pure.
// Invariant: there is a server, and `servers` holds no password. No error text repeats the URL: it may hold one.
#pragma once

#include <string>
#include <string_view>

namespace sluice::source {

struct KafkaUrl {
  std::string servers;         // "localhost:9092", "a:9092,b:9092": any of them knows the others
  std::string user, password;  // empty: none; else SASL PLAIN
};

// User and password are percent-decoded. Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] KafkaUrl parse_kafka_url(std::string_view text);

}  // namespace sluice::source
