#include "gateway/source/file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "tests/gateway/topic/replicas.h"
#include "tests/support/certificates.h"
#include "tests/support/source_context.h"

using namespace sluice;
using namespace std::chrono_literals;
using tests::Replicas;

namespace {

struct Story {
  Story() : given("file:" + path), file(given.context(*replicas.home)) { append("old\n"); }
  ~Story() { file.stop(); }
  Story(const Story&) = delete;
  Story& operator=(const Story&) = delete;

  void start() { file.start(replicas.now); }
  void append(std::string_view text) const { std::ofstream(path, std::ios::app | std::ios::binary) << text; }
  void rotate() const { std::filesystem::rename(path, path + ".1"); }
  topic::TopicLog& log() { return replicas.log("s"); }
  void until(topic::Offset head) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (log().head() < head && std::chrono::steady_clock::now() < end) given.io.run_one_for(100ms);
    REQUIRE(log().head() == head);
  }
  [[nodiscard]] std::string_view data(topic::Offset offset) { return log().at(offset).rest(); }

  tests::TemporaryDirectory folder;
  const std::string path = (folder.path() / "app.log").string();
  Replicas replicas;
  tests::SourceContext given;
  source::File file;
};

}  // namespace

TEST_CASE("a paused source leaves its lines in their files, through a rotation too") {
  Story story;
  story.start();
  story.append("1\n");
  story.until(1);
  story.file.pause();
  story.append("2\n");
  story.rotate();
  story.append("3\n");
  story.given.io.run_for(300ms);
  CHECK(story.log().head() == 1);
  story.file.go_on();
  story.until(3);
  CHECK(story.data(1) == "data: 2\n\n");
  CHECK(story.data(2) == "data: 3\n\n");
  CHECK(story.given.metrics.paused.value() == 1);
  CHECK(story.given.metrics.gaps.value() == 0);
}

TEST_CASE("where there is no inotify, and at first no descriptor, the file is followed by looking once a second") {
  Story story;
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  const int next = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(next);
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  story.start();
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(story.given.metrics.state() == observe::SourceState::down);
  CHECK(story.given.metrics.why().find("Too many open files") != std::string::npos);

  const auto end = std::chrono::steady_clock::now() + 30s;
  while (story.given.metrics.state() != observe::SourceState::up && std::chrono::steady_clock::now() < end)
    story.given.io.run_one_for(100ms);
  story.append("1\n");
  story.until(1);
  CHECK(story.data(0) == "data: 1\n\n");  // what was there at the start is the past, even if it could not be opened
  story.rotate();
  story.append("2\n");
  story.until(2);
  CHECK(story.given.metrics.gaps.value() == 0);
}

TEST_CASE("more rotations than are kept in mind are announced as a loss") {
  Story story;
  story.start();
  story.append("1\n");
  story.until(1);
  story.file.pause();
  for (int rotation = 0; rotation != 20; ++rotation) {
    story.rotate();
    story.append("next\n");
    story.given.io.run_for(20ms);  // it is seen, and not read
  }
  story.file.go_on();
  const auto end = std::chrono::steady_clock::now() + 30s;
  while (story.given.metrics.gaps.value() == 0 && std::chrono::steady_clock::now() < end)
    story.given.io.run_one_for(100ms);
  CHECK(story.given.metrics.gaps.value() >= 1);
}

TEST_CASE("a file's source takes no events") {
  Story story;
  std::optional<topic::PublishResult::Kind> kind;
  story.file.publish("s", {}, story.replicas.now, [&](const topic::PublishResult& result) { kind = result.kind; });
  CHECK(kind == topic::PublishResult::Kind::not_publishable);
}
