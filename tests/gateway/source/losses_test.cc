#include "gateway/source/losses.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/gateway/topic/replicas.h"

using namespace sluice;
using tests::Replicas;

TEST_CASE("a loss is announced in every open topic, and again only behind an event") {
  Replicas replicas;
  observe::SourceMetrics metrics("s");
  source::Losses losses(*replicas.home, metrics);
  replicas.append("s/a", "1");
  replicas.append("s/b", "1");
  losses.announce(replicas.now);
  CHECK(replicas.log("s/a").at(1).rest().starts_with("event: sluice.gap\ndata: {"));
  CHECK(replicas.log("s/b").head() == 2);
  losses.announce(replicas.now);
  CHECK(replicas.log("s/a").head() == 2);

  replicas.append("s/a", "2");
  losses.on_event(*replicas.home->find("s/a"));
  replicas.append("s/c", "1");  // subscribed to while the engine was away
  losses.announce(replicas.now);
  CHECK(replicas.log("s/a").head() == 4);
  CHECK(replicas.log("s/b").head() == 2);
  CHECK(replicas.log("s/c").head() == 2);
  CHECK(metrics.gaps.value() == 4);
}
