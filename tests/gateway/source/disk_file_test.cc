// What a start refuses, with a line that an operator can act on, and what an epoch stands for.
#include "gateway/source/disk_file.h"

#include <doctest/doctest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "tests/gateway/source/disk_owner.h"

using namespace sluice;
using source::DiskSync;
using tests::DiskOwner;
using tests::event;

namespace {

// Another program with the file: the sqlite3 shell, a backup.
class OtherProgram {
 public:
  explicit OtherProgram(const std::string& path) { REQUIRE(sqlite3_open(path.c_str(), &handle_) == SQLITE_OK); }
  ~OtherProgram() { sqlite3_close(handle_); }
  OtherProgram(const OtherProgram&) = delete;
  OtherProgram& operator=(const OtherProgram&) = delete;
  void run(const std::string& sql) {
    INFO(sqlite3_errmsg(handle_));
    CHECK(sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  }

 private:
  sqlite3* handle_ = nullptr;
};

std::string refusal(const source::DiskOptions& options) {
  try {
    const source::DiskFile file(options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "opened";
}

bool holds(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find('\n') == std::string::npos);
  return text.find(part) != std::string::npos;
}

// Overwrites the file's pages from this one on, as a broken disk would.
void damage(const std::string& path, std::streamoff from) {
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path));
  REQUIRE(size > from);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(from);
  file << std::string(static_cast<std::size_t>(size - from), 'Z');
}

}  // namespace

TEST_CASE("a new history can be read by its owner alone") {
  DiskOwner owner;
  owner.open();
  owner.append({event("secret")});
  for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
    CAPTURE(suffix);
    struct stat status {};
    REQUIRE(::stat((owner.folder.file() + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
}

TEST_CASE("a second gateway is refused the file, and told who has it") {
  DiskOwner owner;
  owner.open();
  owner.append({event("mine")});
  const std::string text = refusal(owner.options());
  CHECK(holds(text, owner.folder.file() + ": in use by process " + std::to_string(::getpid()) + ":"));
  // By whatever name it comes.
  std::filesystem::create_symlink(owner.folder.file(), owner.folder.file("other.db"));
  source::DiskOptions options = owner.options();
  options.path = owner.folder.file("other.db");
  CHECK(holds(refusal(options), "in use by process"));
  // The refused one has changed nothing for the first: another program that comes and goes finds it open.
  { OtherProgram(owner.folder.file()).run("SELECT count(*) FROM entries"); }
  owner.append({event("still mine")});
  CHECK(std::filesystem::exists(owner.folder.file() + "-wal"));
  owner.close();
  CHECK(refusal(owner.options()) == "opened");
}

TEST_CASE("a place where no file can be made is refused with the remedy") {
  const tests::TemporaryFolder folder;
  const auto at = [](const std::string& path) {
    return refusal({.path = path, .epoch_candidate = proto::Epoch::from_random(1)});
  };
  CHECK(holds(at(folder.file("none/notes.db")), "none/notes.db: No such file or directory: the folder must exist"));
  CHECK(holds(at("/dev/null/notes.db"), "/dev/null/notes.db: Not a directory: the folder must exist"));
  std::filesystem::create_directory(folder.file());
  CHECK(holds(at(folder.file()), "Is a directory"));
}

TEST_CASE("a file that is not a sluice history is refused and left as it is") {
  DiskOwner owner;
  SUBCASE("a text") {
    std::ofstream(owner.folder.file()) << std::string(5'000, 'x');
    CHECK(holds(refusal(owner.options()), "notes.db: not a sluice history (no SQLite file): move it away, or name"));
    CHECK(std::filesystem::file_size(owner.folder.file()) == 5'000);
  }
  SUBCASE("another program's database") {
    OtherProgram other(owner.folder.file());
    other.run("CREATE TABLE entries(a); INSERT INTO entries VALUES (1)");
    CHECK(holds(refusal(owner.options()), "not a sluice history, another program's SQLite file"));
    other.run("INSERT INTO entries VALUES (2)");
  }
  SUBCASE("a history of another format") {
    owner.open();
    owner.close();
    OtherProgram(owner.folder.file()).run("PRAGMA user_version = 99");
    CHECK(holds(refusal(owner.options()), "written by another sluice, in format 99 (this one has 1)"));
  }
}

TEST_CASE("an empty file, and one whose maker was killed, become a history") {
  DiskOwner owner;
  SUBCASE("empty") { std::ofstream(owner.folder.file()).flush(); }
  SUBCASE("with a header and nothing else") {
    OtherProgram other(owner.folder.file());
    other.run("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL");
  }
  owner.open();
  CHECK(owner.append({event("x")}).places[0].sequence == 1);
}

TEST_CASE("a damaged history is refused, wherever the damage is") {
  DiskOwner owner;
  owner.open();
  owner.append(std::vector<topic::Event>(500, event(std::string(300, 'x'))));
  owner.close();
  for (const std::streamoff page : {1, 5, 30}) {
    CAPTURE(page);
    std::filesystem::copy_file(owner.folder.file(), owner.folder.file("damaged.db"),
                               std::filesystem::copy_options::overwrite_existing);
    damage(owner.folder.file("damaged.db"), page * 4'096);
    source::DiskOptions options = owner.options();
    options.path = owner.folder.file("damaged.db");
    const std::string text = refusal(options);
    CHECK(holds(text, "damaged.db: damaged ("));
    CHECK(holds(text, "): put back a copy, or move it and its -wal away to begin anew"));
  }
}

TEST_CASE("a backup can be made while the gateway runs, and is a history") {
  DiskOwner owner;
  owner.open();
  owner.append({event("a"), event("b")});
  { OtherProgram(owner.folder.file()).run("VACUUM INTO '" + owner.folder.file("copy.db") + "'"); }
  owner.append({event("c")});
  owner.close();
  source::DiskOptions options = owner.options();
  options.path = owner.folder.file("copy.db");
  owner.open(options);
  CHECK(owner.log->last() == 2);
}

TEST_CASE("what lost its last entries to a power cut is another history: no id of before names a place in it") {
  DiskOwner owner;
  source::DiskOptions options = owner.options(1);
  options.sync = DiskSync::process;
  options.boot_id = "boot 1";
  const auto epoch_after = [&](std::uint32_t candidate) {
    source::DiskOptions next = options;
    next.epoch_candidate = proto::Epoch::from_random(candidate);
    const source::DiskFile file(next);
    return file.epoch();
  };
  const auto epoch = [](std::uint32_t number) { return proto::Epoch::from_random(number); };
  CHECK(epoch_after(1) == epoch(1));
  CHECK(epoch_after(2) == epoch(1));  // killed: the system still had everything
  options.boot_id = "boot 2";
  CHECK(epoch_after(3) == epoch(3));  // the machine went down with it
  {
    source::DiskFile file(options);
    file.settle();  // a clean end
  }
  options.boot_id = "boot 3";
  CHECK(epoch_after(4) == epoch(3));
  options.sync = DiskSync::disk;
  CHECK(epoch_after(5) == epoch(3));
  options.boot_id = "boot 4";
  CHECK(epoch_after(6) == epoch(3));  // what was acknowledged was on disk
  options.sync = DiskSync::process;
  options.boot_id = "";
  CHECK(epoch_after(7) == epoch(3));
  CHECK(epoch_after(8) == epoch(8));  // a system that does not say which boot it is
}

TEST_CASE("a restored copy gets another epoch when its own is taken out") {
  DiskOwner owner;
  owner.open(owner.options(1));
  owner.append({event("a")});
  owner.close();
  { OtherProgram(owner.folder.file()).run("DELETE FROM meta WHERE name = 'epoch'"); }
  owner.open(owner.options(2));
  CHECK(owner.log->epoch() == proto::Epoch::from_random(2));
  CHECK(owner.log->last() == 1);
}
