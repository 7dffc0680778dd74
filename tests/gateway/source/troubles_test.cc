#include "gateway/source/troubles.h"

#include <doctest/doctest.h>

using namespace sluice;
using observe::SourceState;

TEST_CASE("a source is up once every place is well, and tells one trouble after the other") {
  observe::SourceMetrics metrics("s");
  source::Troubles troubles(metrics);
  troubles.expect("control");
  troubles.expect("pages");
  CHECK_FALSE(troubles.clear("control"));
  CHECK(metrics.state() == SourceState::starting);
  CHECK_FALSE(troubles.clear("pages"));
  CHECK(metrics.state() == SourceState::up);

  troubles.tell("pages", "NOPERM");
  troubles.tell("group 1", "BUSY");
  CHECK(metrics.state() == SourceState::down);
  CHECK(metrics.why() == "BUSY");
  CHECK_FALSE(troubles.clear("group 1"));
  CHECK(metrics.why() == "NOPERM");
  CHECK(troubles.clear("pages"));
  CHECK(metrics.state() == SourceState::up);
  CHECK_FALSE(troubles.clear("pages"));
}
