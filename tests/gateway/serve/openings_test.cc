#include "gateway/serve/openings.h"

#include <doctest/doctest.h>

#include <vector>

using namespace sluice;
using namespace std::chrono_literals;
using Names = std::set<std::string>;
using Workers = std::vector<unsigned>;

TEST_CASE("a source is asked once for a topic, whichever workers want it, and each of them is told") {
  serve::Openings openings;
  CHECK(openings.add("s/a", 1));
  CHECK_FALSE(openings.add("s/a", 0));
  CHECK_FALSE(openings.add("s/a", 1));
  CHECK(openings.add("s/b", 1));
  CHECK(openings.count() == 2);
  CHECK(openings.take("s/a") == Workers{1, 0});
  CHECK(openings.take("s/a").empty());
  CHECK(openings.add("s/a", 2));
}

TEST_CASE("a topic that nobody has waited for since the linger is dropped, one that is wanted is not") {
  serve::Openings openings;
  topic::TimePoint now{};
  CHECK(openings.add("s/a", 0));
  CHECK_FALSE(openings.add("s/a", 1));
  openings.leave("s/a", 0, now);
  CHECK(openings.expire(now + 1h, 60s).empty());  // one of them is left
  openings.leave("s/a", 1, now);
  openings.leave("s/never", 1, now);
  CHECK(openings.expire(now + 59s, 60s).empty());
  CHECK_FALSE(openings.add("s/a", 0));  // somebody is back
  CHECK(openings.expire(now + 61s, 60s).empty());
  openings.leave("s/a", 0, now + 61s);
  CHECK(openings.expire(now + 121s, 60s) == Names{"s/a"});
  CHECK(openings.count() == 0);
}
