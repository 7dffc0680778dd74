// What a source of PostgreSQL does with openings while its server was never heard of.
#include <doctest/doctest.h>

#include <memory>

#include "gateway/source/postgres_listen.h"
#include "gateway/source/postgres_outbox.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

namespace sluice::source {
namespace {

template <class Adapter>
void forgets_who_has_gone() {
  tests::SourceContext given("postgres://127.0.0.1:1/shop");
  given.config.table = given.config.channel = "events";
  given.config.map.topic = "/topic";
  tests::Replicas replicas;
  Adapter source(given.context(*replicas.home));
  const auto gone = std::make_shared<int>(), stays = std::make_shared<int>();
  const auto ask = [&](const std::string& topic, const std::shared_ptr<int>& asker) {
    source.open(topic, replicas.now, [asker](topic::OpenResult) { ++*asker; });
  };
  ask("s/gone", gone);
  ask("s/gone", gone);
  ask("s/stays", stays);
  source.stop_opening({"s/gone", "s/never"});
  CHECK(gone.use_count() == 1);  // the answer is kept for nobody
  CHECK(stays.use_count() == 2);
  CHECK(*gone + *stays == 0);
}

TEST_CASE("postgres: an opening that nobody waits for is given up while the server is away") {
  SUBCASE("of a table") { forgets_who_has_gone<PostgresOutbox>(); }
  SUBCASE("of a channel") { forgets_who_has_gone<PostgresListen>(); }
}

}  // namespace
}  // namespace sluice::source
