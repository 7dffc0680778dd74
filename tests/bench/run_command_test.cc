#include "bench/run_command.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "tests/support/bench_sample.h"

using namespace sluice::bench;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-bench-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string content(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

struct Ran {
  int code;
  std::string out, err;
};
Ran run(Command command, const RunPlan& plan) {
  command.plan = sample_plan();
  std::ostringstream out, err;
  const int code = run_command(command, plan, out, err);
  return {code, out.str(), err.str()};
}

Outcome measure(const Plan&, Watcher&) { return steady_sample(); }

}  // namespace

TEST_CASE("a clean run prints its summary and ends with 0") {
  const Ran ran = run({}, measure);
  CHECK(ran.code == 0);
  CHECK(ran.out.ends_with("clean\n"));
}

TEST_CASE("--json - has standard output for itself") {
  Command command;
  command.json = "-";
  const Ran ran = run(command, measure);
  CHECK(ran.out.starts_with("{\"format\":\"sluice-bench/1\""));
  CHECK(ran.out.find('\n') == ran.out.size() - 1);
  CHECK(ran.err.ends_with("clean\n"));
}

TEST_CASE("a quiet run says nothing but what was asked for") {
  Command command;
  command.quiet = true;
  CHECK(run(command, measure).out.empty());
  CHECK(run(command, measure).err.empty());
}

TEST_CASE("JSON and the page are written, and a later run compares itself with the JSON") {
  const Folder folder;
  Command command;
  command.json = (folder / "run.json").string();
  command.report = folder / "run.html";
  CHECK(run(command, measure).code == 0);
  CHECK(content(folder / "run.html").starts_with("<!doctype html>"));
  Command later;
  later.compare = folder / "run.json";
  CHECK(run(later, measure).out.find("ratio to") != std::string::npos);
}

TEST_CASE("a missed expectation is 3, an unclean run 1") {
  Command command;
  command.expectations = parse_expectations("p99<1ns");
  CHECK(run(command, measure).code == 3);
  CHECK(run({}, [](const Plan&, Watcher&) {
          Outcome outcome = steady_sample();
          outcome.total.lost = 1;
          return outcome;
        }).code == 1);
}

TEST_CASE("what cannot be written or compared with is refused before anything runs") {
  const Folder folder;
  const RunPlan never = [](const Plan&, Watcher&) -> Outcome {
    FAIL("it ran");
    return {};
  };
  Command command;
  command.report = folder / "nowhere" / "run.html";
  CHECK(run(command, never).code == 2);
  command = {};
  command.json = (folder / ".").string();
  CHECK(run(command, never).code == 2);
  command = {};
  command.compare = folder / "old.json";
  const Ran ran = run(command, never);
  CHECK(ran.code == 2);
  CHECK(ran.err.starts_with("sluice bench: "));
  CHECK(ran.out.empty());
}

TEST_CASE("a run that measured nothing leaves one line and no report") {
  const Folder folder;
  Command command;
  command.json = (folder / "run.json").string();
  const Ran ran = run(command, [](const Plan&, Watcher&) {
    Outcome outcome;
    outcome.failure = "the server went away";
    return outcome;
  });
  CHECK(ran.code == 1);
  CHECK(ran.err == "sluice bench: the server went away\n");
  CHECK(ran.out.empty());
  CHECK(!std::filesystem::exists(folder / "run.json"));
}

TEST_CASE("Ctrl-C ends the run early, and it still reports") {
  const Ran ran = run({}, [](const Plan&, Watcher& watcher) {
    CHECK(!watcher.wants_to_stop());
    std::raise(SIGINT);
    CHECK(watcher.wants_to_stop());
    Outcome outcome = steady_sample();
    outcome.interrupted = true;
    return outcome;
  });
  CHECK(ran.code == 0);
  CHECK(ran.out.find("interrupted") != std::string::npos);
}
