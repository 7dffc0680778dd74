#include "gateway/source/nats_subject.h"

#include <doctest/doctest.h>

namespace sluice::source {
namespace {

struct Row {
  std::string filter, subject, topic;  // topic empty: none
};

const Row rows[] = {
    {"fleet.>", "fleet.eu", "s/eu"},
    {"fleet.>", "fleet.eu.1", "s/eu/1"},
    {"fleet.>", "fleet", ""},
    {"fleet.>", "other.eu", ""},
    {"fleet.*.temp", "fleet.eu.temp", "s/eu"},
    {"fleet.*.temp", "fleet.eu.speed", ""},
    {"fleet.*.temp", "fleet.eu.temp.more", ""},
    {"*.fleet.>", "eu.fleet.1.2", "s/eu/1/2"},
    {"fleet.eu", "fleet.eu", "s"},
    {"fleet.eu", "fleet.eu.1", ""},
    {"", "fleet.eu", "s/fleet/eu"},
    {">", "fleet", "s/fleet"},
    {"$KV.cars.>", "$KV.cars.one", "s/one"},
    {"fleet.>", "fleet.a/b", ""},  // would be fleet.a.b's topic
    {"fleet.*", "fleet.a/b", ""},
    {"fleet.>", "fleet.\xff", ""},
    {"fleet.>", "fleet.**", ""},
    {"fleet.>", "fleet.eu\x01", ""},
    {"fleet.>", "fleet.a-very-long-token-that-no-topic-may-have", ""},
};

TEST_CASE("a subject becomes the topic of what the wildcards match, and back") {
  for (const Row& row : rows) {
    CAPTURE(row.filter);
    CAPTURE(row.subject);
    const SubjectMap map("s", row.filter, 24);
    const auto topic = map.topic_of(row.subject);
    CHECK(topic.value_or("") == row.topic);
    if (topic) CHECK(map.subject_of(*topic) == row.subject);
  }
}

TEST_CASE("no client reaches other subjects by a topic's name") {
  const SubjectMap fleet("s", "fleet.>", 100), all("s", "", 100), one("s", "fleet.eu", 100), two("s", "a.*.*", 100);
  for (const char* topic : {"s", "s/", "s//a", "s/a/", "s/*", "s/>", "s/a.b", "s/a b", "sx/a", "t/a", "s/a/*/b"}) {
    CAPTURE(topic);
    CHECK_FALSE(fleet.subject_of(topic));
  }
  CHECK_FALSE(all.subject_of("s/$JS/API/STREAM/DELETE/FLEET"));
  CHECK(fleet.subject_of("s/$x") == "fleet.$x");
  CHECK_FALSE(one.subject_of("s/eu"));
  CHECK(one.subject_of("s") == "fleet.eu");
  CHECK_FALSE(two.subject_of("s/x"));
  CHECK_FALSE(two.subject_of("s/x/y/z"));
  CHECK(two.subject_of("s/x/y") == "a.x.y");
}

TEST_CASE("topics that are read together have one filter that covers them") {
  const SubjectMap fleet("s", "fleet.>", 100), all("s", "", 100), middle("s", "fleet.*.temp", 100);
  CHECK(fleet.filter_for({"s/eu"}) == "fleet.eu");
  CHECK(fleet.filter_for({"s/**"}) == "fleet.>");
  CHECK(fleet.filter_for({"s/eu/**"}) == "fleet.eu.>");
  CHECK(fleet.filter_for({"s/eu", "s/us"}) == "fleet.>");
  CHECK(all.filter_for({"s/**"}).empty());
  CHECK(all.filter_for({"s/fleet/**"}) == "fleet.>");
  CHECK(all.filter_for({"s/fleet/eu"}) == "fleet.eu");
  CHECK(middle.filter_for({"s/eu"}) == "fleet.eu.temp");
  CHECK(middle.filter_for({"s/**"}) == "fleet.*.temp");
  CHECK(fleet.has_wildcards());
  CHECK(middle.has_wildcards());
  CHECK_FALSE(SubjectMap("s", "fleet.eu", 100).has_wildcards());
}

}  // namespace
}  // namespace sluice::source
