// No space, and a disk that fails: what is not stored is said, all of it, and it passes.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gateway/source/disk_log.h"
#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using source::DiskAppended;
using source::DiskStatus;
using source::DiskTime;
using tests::DiskOwner;
using tests::event;
using Kind = DiskAppended::Kind;

namespace {

std::vector<topic::Event> many(std::size_t count, std::size_t size) {
  return std::vector<topic::Event>(count, event(std::string(size, 'x')));
}

// Fills it; answers the events that were acknowledged.
std::size_t fill(DiskOwner& owner, std::size_t batch) {
  std::size_t stored = 0;
  while (true) {
    const DiskAppended answer = owner.append(many(batch, 1'000));
    if (answer.kind != Kind::stored) {
      CHECK(answer.kind == Kind::full);
      CHECK(answer.problem != "");
      CHECK(answer.places.empty());
      return stored;
    }
    stored += batch;
    REQUIRE(stored < 1'000'000);
  }
}

// A file system of 1 MiB, where the test may make one.
class SmallFileSystem {
 public:
  explicit SmallFileSystem(const std::filesystem::path& at) : at_(at) {
    mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, "size=1m") == 0;
  }
  ~SmallFileSystem() {
    if (mounted_) ::umount2(at_.c_str(), MNT_DETACH);
  }
  SmallFileSystem(const SmallFileSystem&) = delete;
  SmallFileSystem& operator=(const SmallFileSystem&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::filesystem::path at_;
  bool mounted_ = false;
};

// No file of this process grows beyond `size`: a disk that fails in the middle of a write.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t size) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{size, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  sighandler_t handler_ = SIG_DFL;
};

}  // namespace

TEST_CASE("a full disk refuses whole publishes, keeps what it acknowledged, and takes more when there is space again") {
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  options.pages_max = 64;  // 256 KiB
  owner.open(options);
  const std::size_t stored = fill(owner, 10);
  CHECK(stored > 100);
  CHECK(owner.log->status().entries == stored);
  owner.await_status([](const DiskStatus& status) { return status.problem != ""; });

  // All that waited together is refused together: who comes first in one transaction is no reason.
  std::vector<Kind> answers;
  const auto append = [&](std::size_t size) {
    REQUIRE(owner.log->append("notes/a", many(1, size), DiskTime(1),
                              [&](const DiskAppended& appended) { answers.push_back(appended.kind); }));
  };
  owner.close_gate();
  append(1'000'000);
  owner.await_answers(1);  // the writing thread stands at the gate
  for (const std::size_t size : {1U, 1'000'000U, 1U}) append(size);
  owner.open_gate();
  owner.await([&] { return answers.size() == 4; });
  for (const Kind answer : answers) CHECK(answer == Kind::full);
  CHECK(owner.read_all().size() == owner.log->status().entries);

  owner.log->trim("notes/a", stored / 2);
  owner.await_status([&](const DiskStatus& status) { return status.entries <= stored; });
  while (owner.append(many(10, 1'000)).kind != Kind::stored) {
  }
  owner.await_status([](const DiskStatus& status) { return status.problem == ""; });
  // Refused events left no hole in the sequences.
  const auto entries = owner.read_all();
  for (std::size_t index = 1; index < entries.size(); ++index)
    CHECK(entries[index].sequence == entries[index - 1].sequence + 1);
  owner.close();
  options.pages_max = 0;
  owner.open(options);
  CHECK(owner.read_all().size() == entries.size());
}

TEST_CASE("a topic that a full disk refused does not exist, and its keys are not taken") {
  DiskOwner owner;
  source::DiskOptions options = owner.options();
  options.pages_max = 32;
  owner.open(options);
  CHECK(owner.append({event(std::string(500'000, 'x'), "k1")}, "notes/new").kind == Kind::full);
  CHECK(owner.log->load({}, [](source::DiskEntry&&) {}).empty());
  const DiskAppended again = owner.append({event("smaller", "k1")}, "notes/new");
  REQUIRE(again.kind == Kind::stored);
  CHECK_FALSE(again.places[0].repeated);
  CHECK(again.places[0].sequence == 1);
}

TEST_CASE("a file system without space refuses, and takes more when something has gone from it") {
  DiskOwner owner;
  const SmallFileSystem small(owner.folder.path);
  if (!small.mounted()) {
    MESSAGE("may not mount a tmpfs here: the other cases stand for it");
    return;
  }
  const std::string ballast = owner.folder.file("ballast");
  std::ofstream(ballast) << std::string(300'000, 'b');
  owner.open();
  std::size_t stored = fill(owner, 5);
  CHECK(stored > 50);
  CHECK(owner.append(many(5, 1'000)).kind == Kind::full);
  CHECK(owner.read_all().size() == stored);
  std::filesystem::remove(ballast);
  CHECK(owner.append(many(5, 1'000)).kind == Kind::stored);
  stored += 5 + fill(owner, 5);
  owner.close();
  owner.open();
  CHECK(owner.read_all().size() == stored);
  owner.close();
}

TEST_CASE("a disk that fails in the middle of a commit fails that commit, and no other") {
  DiskOwner owner;
  owner.open();
  CHECK(owner.append(many(10, 1'000)).kind == Kind::stored);
  {
    const FileSizeLimit limit(std::filesystem::file_size(owner.folder.file() + "-wal") + 10'000);
    const DiskAppended answer = owner.append(many(100, 1'000));
    CHECK(answer.kind == Kind::failed);
    CHECK(answer.problem == "disk I/O error: File too large");
    CHECK(owner.read_all().size() == 10);
    owner.await_status([](const DiskStatus& status) { return status.problem != ""; });
  }
  const DiskAppended again = owner.append(many(100, 1'000));
  REQUIRE(again.kind == Kind::stored);
  CHECK(again.places[0].sequence == 11);
  owner.close();
  owner.open();
  CHECK(owner.read_all().size() == 110);
}
