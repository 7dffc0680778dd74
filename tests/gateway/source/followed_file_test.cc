#include "gateway/source/followed_file.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "tests/support/certificates.h"

using namespace sluice;
using source::FollowedFile;

namespace {

struct Fixture {
  tests::TemporaryDirectory folder;
  const std::string path = (folder.path() / "file").string();
  std::array<char, 8> buffer{};

  void append(std::string_view text) const { std::ofstream(path, std::ios::app | std::ios::binary) << text; }
  [[nodiscard]] struct stat named() const {
    struct stat found {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a file is read piece by piece to its end, and further when it has grown") {
  append("0123456789");
  auto file = FollowedFile::open(path).value();
  CHECK(file.has_more());
  CHECK(file.read(buffer).value() == "01234567");
  CHECK(file.read(buffer).value() == "89");
  CHECK(file.read(buffer).value().empty());
  CHECK_FALSE(file.has_more());
  append("ab");
  CHECK(file.has_more());
  FollowedFile moved = std::move(file);
  CHECK(moved.read(buffer).value() == "ab");
}

TEST_CASE_FIXTURE(Fixture, "the end can be gone to, and what stands before it is told") {
  append("0123456789");
  auto file = FollowedFile::open(path).value();
  CHECK(file.skip_to_end() == "6789");
  CHECK(file.read(buffer).value().empty());
  append("a");
  CHECK(file.read(buffer).value() == "a");
  CHECK(::truncate(path.c_str(), 2) == 0);
  CHECK(FollowedFile::open(path).value().skip_to_end() == "01");
}

TEST_CASE_FIXTURE(Fixture, "a file that became shorter is read from its beginning") {
  append("0123456789");
  auto file = FollowedFile::open(path).value();
  CHECK(file.read(buffer).value().size() == 8);
  CHECK_FALSE(file.rewind_if_truncated());
  CHECK(::truncate(path.c_str(), 3) == 0);
  CHECK(file.rewind_if_truncated());
  CHECK(file.read(buffer).value() == "012");
  CHECK_FALSE(file.rewind_if_truncated());
}

TEST_CASE_FIXTURE(Fixture, "a file is known by what it is, not by its name") {
  append("a");
  const auto file = FollowedFile::open(path).value();
  CHECK(file.is(named()));
  std::filesystem::rename(path, path + ".1");
  append("b");
  CHECK_FALSE(file.is(named()));
}

TEST_CASE_FIXTURE(Fixture, "what has no end or no place is no file") {
  CHECK(FollowedFile::open(path).error() == boost::system::errc::no_such_file_or_directory);
  CHECK(FollowedFile::open(folder.path().string()).error() == boost::system::errc::is_a_directory);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(FollowedFile::open(path).error() == boost::system::errc::invalid_seek);
}
