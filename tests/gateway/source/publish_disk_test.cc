#include "gateway/source/publish_disk.h"

#include "gateway/source/sqlite.h"
#include "tests/gateway/source/disk_owner.h"
#include "tests/gateway/topic/replicas.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;

TEST_CASE("a page of the disk's history whose reading fails is told, read again, and announces no loss") {
  const tests::TemporaryFolder folder;
  const std::string path = folder.file();
  tests::SourceContext given("publish:");
  given.config.history.path = path;
  tests::Replicas replicas(
      {}, 1,
      std::make_shared<topic::SharedSource>(
          "s", std::make_shared<topic::EpochFormat>(source::disk_epoch(given.config, proto::Epoch::from_random(1))),
          true));
  source::PublishDisk disk(given.context(*replicas.home));
  disk.start(replicas.now);
  const auto until = [&](auto done) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      given.run_posted();
      given.io.restart();
      given.io.run_for(5ms);
    }
    CHECK(done());
  };
  std::vector<std::string> positions;
  disk.publish("s/a", {tests::event("1"), tests::event("2")}, replicas.now,
               [&](topic::PublishResult result) { positions = std::move(result.positions); });
  until([&] { return positions.size() == 2; });

  source::SqliteDatabase other(path, source::SqliteDatabase::Access::write, "");
  other.run("ALTER TABLE entries RENAME TO hidden");
  REQUIRE_FALSE(other.failed());
  topic::PagePtr page;
  int answers = 0;
  disk.read({.topics = {"s/a"}, .after = positions[0]}, {}, [&](topic::PagePtr read) {
    page = std::move(read);
    ++answers;
  });
  until([&] { return given.metrics.state() == observe::SourceState::down; });
  CHECK(answers == 0);
  other.run("ALTER TABLE hidden RENAME TO entries");
  REQUIRE_FALSE(other.failed());
  until([&] { return answers == 1; });
  REQUIRE(page);
  CHECK_FALSE(page->gap);
  CHECK(page->entries.size() == 1);
  CHECK(given.metrics.state() == observe::SourceState::up);
  disk.stop();
}
