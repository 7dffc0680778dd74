#include "gateway/source/nats_message.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <utility>

namespace sluice::source {
namespace {

NatsMessage message(const std::string& subject, std::string_view data,
                    std::initializer_list<std::pair<const char*, const char*>> headers = {}) {
  natsMsg* made = nullptr;
  REQUIRE(natsMsg_Create(&made, subject.c_str(), nullptr, data.data(), static_cast<int>(data.size())) == NATS_OK);
  for (const auto& [name, value] : headers) REQUIRE(natsMsgHeader_Set(made, name, value) == NATS_OK);
  return NatsMessage(made);
}

config::Source fleet() {
  config::Source source;
  source.name = "s";
  source.stream = "FLEET";
  source.subject = "fleet.>";
  return source;
}

TEST_CASE("a message is an event: subject, payload, headers") {
  const config::Source source = fleet();
  const config::Limits limits;
  const NatsMapping mapping(source, limits);
  const NatsArrival plain = mapping.arrival(message("fleet.eu", "x").get());
  CHECK(plain.topic == "s/eu");
  CHECK(plain.event == topic::Event{.data = "x"});
  CHECK(plain.flaw == nullptr);
  const NatsArrival named = mapping.arrival(message("fleet.eu", "", {{"event", "moved"}, {"key", "car-7"}}).get());
  CHECK(named.event == topic::Event{.type = "moved", .key = "car-7"});
}

TEST_CASE("a message that is no good is mended or dropped, with the reason") {
  const config::Source source = fleet();
  const config::Limits limits;
  const NatsMapping mapping(source, limits);
  const NatsArrival mended = mapping.arrival(message("fleet.eu", "a\xff", {{"event", "sluice.gap"}}).get());
  CHECK(mended.event.data == "a\ufffd");
  CHECK(mended.event.type.empty());
  CHECK(mended.flaw != nullptr);
  const std::string huge(limits.event_size + 1, 'x');
  for (const NatsMessage& dropped : {message("other.eu", "x"), message("fleet.a/b", "x"), message("fleet.eu", huge)}) {
    const NatsArrival arrival = mapping.arrival(dropped.get());
    CHECK(arrival.topic.empty());
    CHECK(arrival.flaw != nullptr);
  }
}

TEST_CASE("map.* keys name headers, or places in the payload") {
  config::Source source = fleet();
  source.map = {.topic = "/region", .event = "kind", .data = "/body", .key = "/id"};
  const config::Limits limits;
  const NatsMapping mapping(source, limits);
  const NatsArrival arrival =
      mapping.arrival(message("fleet.x", R"({"region":"eu/fr","body":{"n": 1},"id":7})", {{"kind", "moved"}}).get());
  CHECK(arrival.topic == "s/eu/fr");
  CHECK(arrival.event == topic::Event{.type = "moved", .data = R"({"n":1})", .key = "7"});
  CHECK(mapping.arrival(message("fleet.x", R"({"region":"eu"})").get()).topic.empty());
  CHECK(mapping.arrival(message("fleet.x", R"({"body":"x"})").get()).topic.empty());
  CHECK(mapping.arrival(message("fleet.x", R"({"region":"..","body":"x"})").get()).topic.empty());
  CHECK(mapping.may_have("s/anything"));
  CHECK(mapping.may_have("s/**"));
  CHECK_FALSE(mapping.may_have("sx"));
}

TEST_CASE("an event that is published comes back as it was") {
  config::Source source = fleet();
  const config::Limits limits;
  const topic::Event event{.type = "moved", .data = "one\ntwo", .idempotency_key = "a-1", .key = "car-7"};
  const auto round_trip = [&](std::string& why) {
    const NatsMapping mapping(source, limits);
    const NatsMessage sent = mapping.publication("fleet.eu", "inbox.1", event, why);
    if (sent == nullptr) return topic::Event{};
    CHECK(std::string_view(nats_header(sent.get(), "Nats-Msg-Id")) == "a-1");
    CHECK(std::string_view(nats_header(sent.get(), "Nats-Expected-Stream")) == "FLEET");
    topic::Event back = mapping.arrival(sent.get()).event;
    back.idempotency_key = event.idempotency_key;  // it is not shown
    return back;
  };
  std::string why;
  CHECK(round_trip(why) == event);
  source.map.event = "kind";
  CHECK(round_trip(why) == event);
  CHECK(why.empty());
  source.map.event = "/kind";
  CHECK(round_trip(why) == topic::Event{});
  CHECK(why.find("/kind") != std::string::npos);
}

TEST_CASE("topics that a source can have") {
  const config::Source source = fleet();
  const config::Limits limits;
  const NatsMapping mapping(source, limits);
  CHECK(mapping.may_have("s/eu/1"));
  CHECK(mapping.may_have("s/**"));
  CHECK(mapping.may_have("s/eu/**"));
  CHECK_FALSE(mapping.may_have("s"));
  CHECK_FALSE(mapping.may_have("s/*"));
  CHECK_FALSE(mapping.may_have("other/**"));
}

TEST_CASE("where a delivered message stands is read from its reply subject") {
  const auto old_form = parse_delivery("$JS.ACK.FLEET.UI7n72MK.1.29.20.1795561016838809925.71");
  REQUIRE(old_form);
  CHECK(old_form->sequence == 29);
  CHECK(old_form->count == 20);
  CHECK(old_form->pending == 71);
  for (const char* reply : {"$JS.ACK.hub.hash.FLEET.UI7n72MK.1.29.20.1795561016838809925.71",
                            "$JS.ACK.hub.hash.FLEET.UI7n72MK.1.29.20.1795561016838809925.71.random"}) {
    const auto new_form = parse_delivery(reply);
    REQUIRE(new_form);
    CHECK(new_form->sequence == 29);
    CHECK(new_form->count == 20);
    CHECK(new_form->pending == 71);
  }
  for (const char* reply : {"", "_INBOX.x.1", "$JS.FC.FLEET.UI7n72MK.4INB", "$JS.ACK.FLEET.c.1.x.20.1.71",
                            "$JS.ACK.FLEET.c.1.29.20.1", "$JS.ACK.hub.FLEET.c.1.29.20.1.71"}) {
    CAPTURE(reply);
    CHECK_FALSE(parse_delivery(reply));
  }
}

}  // namespace
}  // namespace sluice::source
