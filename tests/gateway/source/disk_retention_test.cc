// What retention takes, how it is announced, and that the file does not grow for ever.
#include "gateway/source/disk_retention.h"

#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using namespace std::chrono_literals;
using source::DiskPage;
using source::DiskStatus;
using source::DiskTime;
using tests::DiskOwner;
using tests::event;
using Strings = std::vector<std::string>;

namespace {

// Many commits whose safety is not the question.
source::DiskOptions quick(const DiskOwner& owner) {
  source::DiskOptions options = owner.options();
  options.sync = source::DiskSync::process;
  options.sweep = 1ms;
  return options;
}

std::vector<topic::Event> many(std::size_t count, std::size_t size) {
  return std::vector<topic::Event>(count, event(std::string(size, 'x')));
}

}  // namespace

TEST_CASE("a topic keeps its newest entries, and what it lost is known after a restart") {
  DiskOwner owner;
  source::DiskOptions options = quick(owner);
  options.entries = 64;
  owner.open(options);
  owner.append(many(10, 1), "notes/b");
  owner.append(many(64, 1), "notes/a");
  CHECK(owner.read({.topics = {"notes/a"}}).evicted_through == 0);
  owner.append(many(3'000, 1), "notes/a");
  owner.await_status([](const DiskStatus& status) { return status.entries == 74; });
  for (int start = 0; start < 2; ++start) {
    const DiskPage a = owner.read({.topics = {"notes/a"}});
    CHECK(a.evicted_through == 3'010);
    REQUIRE(a.entries.size() == 64);
    CHECK(a.entries.front().sequence == 3'011);
    CHECK(owner.read({.topics = {"notes/b"}}).evicted_through == 0);
    CHECK(owner.read({.topics = {"notes/b", "notes/a"}}).evicted_through == 3'010);
    CHECK(owner.read({.topics = {"notes/**"}}).evicted_through == 3'010);
    CHECK(owner.read({.topics = {}}).evicted_through == 3'010);
    owner.close();
    owner.open(options);
  }
  CHECK(owner.log->last() == 3'074);
}

TEST_CASE("entries go when they are too old, the oldest first, of all topics") {
  DiskOwner owner;
  std::atomic<std::int64_t> now_ms = 100'000;
  source::DiskOptions options = quick(owner);
  options.age = 10s;
  options.now = [&] { return DiskTime(now_ms.load()); };
  owner.open(options);
  for (int second = 90; second <= 100; ++second)
    owner.append({event(std::to_string(second))}, second % 2 == 0 ? "notes/a" : "notes/b", DiskTime(second * 1'000));
  CHECK(owner.read_all().size() == 11);
  now_ms = 106'000;
  owner.await_status([](const DiskStatus& status) { return status.entries == 5; });
  CHECK(owner.data_of(owner.read_all()) == Strings{"96", "97", "98", "99", "100"});
  CHECK(owner.read({.topics = {"notes/a"}}).evicted_through == 5);  // 94
  CHECK(owner.read({.topics = {"notes/b"}}).evicted_through == 6);
  now_ms = 1'000'000;
  owner.await_status([](const DiskStatus& status) { return status.entries == 0; });
  const DiskPage page = owner.read({.topics = {"notes/a"}});
  CHECK(page.end);
  CHECK(page.through == page.evicted_through);
  // Sequences go on, although nothing is left that has one.
  owner.close();
  owner.open(options);
  CHECK(owner.log->last() == 11);
  CHECK(owner.append({event("next")}, "notes/a", DiskTime(1'000'000)).places[0].sequence == 12);
}

TEST_CASE("the file stays within its bytes, however much is published") {
  DiskOwner owner;
  source::DiskOptions options = quick(owner);
  options.bytes = 2 * 1024 * 1024;
  owner.open(options);
  for (int round = 0; round < 40; ++round) owner.append(many(20, 10'000), "notes/" + std::to_string(round % 3));
  owner.append(many(2'000, 100));
  owner.await_status([&](const DiskStatus& status) { return status.bytes <= options.bytes; });
  const auto kept = owner.read_all();
  CHECK(kept.size() > 100);
  CHECK(kept.back().sequence == 2'800);
  const DiskPage page = owner.read({});
  CHECK(page.evicted_through == page.entries.front().sequence - 1);  // the oldest first, of all topics
  owner.close();
  CHECK(std::filesystem::file_size(owner.folder.file()) < options.bytes + options.bytes / 4);
}

TEST_CASE("space that retention frees goes back to the system") {
  DiskOwner owner;
  owner.open(quick(owner));
  owner.append(many(800, 10'000), "notes/a");
  owner.append(many(1, 10'000), "notes/b");
  CHECK(owner.log->status().bytes > 8'000'000);
  owner.log->trim("notes/a", 800);
  owner.await_status([](const DiskStatus& status) { return status.entries == 1; });
  owner.close();
  owner.open(quick(owner));
  const auto size = [&] { return std::filesystem::file_size(owner.folder.file()); };
  // The pages go in steps; a checkpoint at the end shows it in the file.
  owner.append({event("x")});
  while (size() >= 2'000'000) {
    owner.close();
    owner.open(quick(owner));
    owner.append({event("x")});
  }
  CHECK(owner.data_of(owner.read_all({"notes/b"})).size() == 1);
}

TEST_CASE("a trim takes one topic's entries up to a sequence, in steps that let appends pass") {
  DiskOwner owner;
  owner.open(quick(owner));
  for (int round = 0; round < 10; ++round) {
    owner.append(many(500, 10), "notes/a");
    owner.append(many(1, 10), "notes/b");
  }
  owner.log->trim("notes/a", 4'000);
  owner.log->trim("notes/none", 9);
  int answered = 0;
  for (int index = 0; index < 20; ++index)
    REQUIRE(owner.log->append("notes/c", {event("y")}, DiskTime(1), [&](const auto&) { ++answered; }));
  owner.await([&] { return answered == 20; });
  owner.await_status([](const DiskStatus& status) { return status.entries == 5'010 + 20 - 3'993; });
  CHECK(owner.read({.topics = {"notes/a"}}).entries.front().sequence == 4'001);
  CHECK(owner.read_all({"notes/b"}).size() == 10);
  // Up to the future: all that is there.
  owner.log->trim("notes/a", 1'000'000);
  owner.await_status([](const DiskStatus& status) { return status.entries == 30; });
  CHECK(owner.read({.topics = {"notes/a"}}).evicted_through == 5'009);
}

TEST_CASE("topics that were emptied long ago share one number, and none hides what it lost") {
  DiskOwner owner;
  source::DiskOptions options = quick(owner);
  std::atomic<std::int64_t> now_ms = 0;
  options.age = 10s;
  options.now = [&] { return DiskTime(now_ms.load()); };
  owner.open(options);
  constexpr int topics = 10'500;
  int answered = 0;
  for (int index = 0; index < topics; ++index) {
    REQUIRE(owner.log->append("notes/" + std::to_string(index), {event("x")}, DiskTime(1),
                              [&](const auto&) { ++answered; }));
  }
  owner.await([&] { return answered == topics; });
  now_ms = 100'000;
  owner.await_status([](const DiskStatus& status) { return status.entries == 0; });
  CHECK(owner.append({event("y")}, "notes/0", DiskTime(100'000)).places[0].sequence == topics + 1);
  // 1,000 of them are forgotten in one step; the rest is below the bound then.
  std::vector<source::DiskTopic> left;
  do {
    left = owner.log->load({}, [](source::DiskEntry&&) {});
  } while (left.size() > 10'000);
  CHECK(left.size() >= 9'500);
  CHECK(owner.read({.topics = {"notes/5"}}).evicted_through >= 6);
  CHECK(owner.read({.topics = {"notes/10400"}}).evicted_through == 10'401);
  CHECK(owner.read({.topics = {"notes/never"}}).evicted_through >= 6);
}
