#include "gateway/source/mqtt_url.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <string>

using sluice::source::parse_mqtt_url;

TEST_CASE("an MQTT URL says where the broker is and who we are") {
  const auto plain = parse_mqtt_url("mqtt://localhost");
  CHECK(plain.host == "localhost");
  CHECK(plain.port == 1883);
  CHECK_FALSE(plain.tls);
  CHECK(plain.user.empty());
  CHECK(plain.authority() == "localhost:1883");

  const auto full = parse_mqtt_url("mqtts://a%40b:p%2f%3A@x@[::1]:99/");
  CHECK(full.tls);
  CHECK(full.user == "a@b");
  CHECK(full.password == "p/:@x");
  CHECK(full.host == "::1");
  CHECK(full.authority() == "[::1]:99");
  CHECK(parse_mqtt_url("mqtts://broker.example.com").port == 8883);
  CHECK(parse_mqtt_url("mqtt://user@host").user == "user");
}

TEST_CASE("an MQTT URL that cannot be meant is refused without repeating it") {
  for (const char* url :
       {"mqtt:localhost", "mqtt://", "mqtt://:1883", "mqtt://:secret@host", "mqtt://host:0", "mqtt://host:65536",
        "mqtt://host:x", "mqtt://host/secret", "mqtt://host?secret", "mqtt://[::1", "mqtt://[::1]x",
        "mqtt://u%2:secret@h", "mqtt://u:%zz@h", "mqtt://u:%00@h", "mqtt://ho st", "http://host"}) {
    CAPTURE(url);
    try {
      (void)parse_mqtt_url(url);
      FAIL("it was taken");
    } catch (const std::invalid_argument& error) {
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
    }
  }
}
