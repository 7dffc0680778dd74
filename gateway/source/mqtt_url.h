// MqttUrl: where an MQTT broker is and who we are there, from `mqtt://[user:password@]host[:port]`, or `mqtts://` for
// TLS. A value, parsed once at start. Invariant: the host is not empty. No error text repeats the URL: it may hold a
// password.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::source {

struct MqttUrl {
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 1883;
  bool tls = false;
  std::string user, password;  // decoded; user empty: none

  [[nodiscard]] std::string authority() const;  // "localhost:1883", "[::1]:1883"
};

// Throws std::invalid_argument with what is wrong and how to write it.
[[nodiscard]] MqttUrl parse_mqtt_url(std::string_view text);

}  // namespace sluice::source
