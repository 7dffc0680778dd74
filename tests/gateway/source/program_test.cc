#include "gateway/source/program.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace sluice;
using namespace std::chrono_literals;
using source::ExitStatus;
using source::Program;

namespace {

struct Run final : source::ProgramVisitor {
  // `script`: for /bin/sh.
  explicit Run(const std::string& script) : Run(std::vector<std::string>{"sh", "-c", script}) {}
  explicit Run(const std::vector<std::string>& command) : program(std::make_unique<Program>(io, *this)) {
    problem = program->start(command);
  }
  void on_output(std::string_view bytes) override { output += bytes; }
  void on_error_output(std::string_view bytes) override { errors += bytes; }
  void on_ended(const ExitStatus& exit_status) override { status = exit_status; }
  void until_ended() {
    while (!status) REQUIRE(io.run_one_for(20s) == 1);
  }
  void until_output(std::string_view text) {
    while (output.find(text) == std::string::npos) REQUIRE(io.run_one_for(20s) == 1);
  }

  boost::asio::io_context io;
  std::unique_ptr<Program> program;
  std::string problem, output, errors;
  std::optional<ExitStatus> status;
};

bool no_children() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

// Ended, whether or not its new parent has reaped it.
bool ended(int process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string stat;
  return !std::getline(file, stat) || stat.find(") Z ") != std::string::npos;
}

}  // namespace

TEST_CASE("a program's output, its errors and its exit status arrive whole, and nothing is left of it") {
  Run run("echo out; echo err >&2; exit 3");
  run.until_ended();
  CHECK(run.problem.empty());
  CHECK(run.output == "out\n");
  CHECK(run.errors == "err\n");
  CHECK(run.status->text() == "exit status 3");
  CHECK_FALSE(run.status->good());
  CHECK(no_children());

  Run killed("kill -9 $$");
  killed.until_ended();
  CHECK(killed.status->text() == "signal 9 (Killed)");
  Run good("exit 0");
  good.until_ended();
  CHECK(good.status->good());
}

TEST_CASE("a program that cannot be started says why") {
  Run run(std::vector<std::string>{"no-such-program-of-sluice"});
  CHECK(run.problem == "cannot start `no-such-program-of-sluice`: No such file or directory");
  CHECK(no_children());
}

TEST_CASE("a program gets no descriptor, no input and no secret of ours, default signals and its own group") {
  ::setenv("SLUICE_ACCESS__PUBLISH_SECRET", "hidden", 1);
  ::setenv("KEPT", "seen", 1);
  std::signal(SIGPIPE, SIG_IGN);
  // Of /proc/self/fd `ls` opens one itself, the last.
  Run run(
      "ls /proc/self/fd | tr '\\n' ' '; cat; echo \"[$SLUICE_ACCESS__PUBLISH_SECRET]$KEPT\"; "
      "grep SigIgn /proc/self/status; ps -o pgid= -p $$ 2>/dev/null || cut -d' ' -f5 /proc/$$/stat; echo $$");
  run.until_ended();
  std::signal(SIGPIPE, SIG_DFL);
  ::unsetenv("SLUICE_ACCESS__PUBLISH_SECRET");
  CAPTURE(run.output);
  const std::string before = "0 1 2 3 []seen\nSigIgn:\t";
  REQUIRE(run.output.starts_with(before));
  std::size_t mask_size = 0;
  const std::string rest = run.output.substr(before.size());
  // 32 and 33 are glibc's own, which posix_spawn leaves ignored.
  CHECK((std::stoull(rest, &mask_size, 16) & 0x7fff'ffff) == 0);
  const std::string tail = rest.substr(mask_size + 1);
  const std::size_t middle = tail.find('\n');
  CHECK(std::stoi(tail.substr(0, middle)) == std::stoi(tail.substr(middle + 1)));
}

TEST_CASE("a paused program is held by its pipe, and nothing of its output is lost") {
  Run run("i=0; while [ $i -lt 3000 ]; do echo 'a line of some forty bytes, more or less'; i=$((i+1)); done");
  run.program->pause();
  run.io.run_for(300ms);
  CHECK(run.output.empty());
  CHECK_FALSE(run.status);
  run.program->go_on();
  run.until_ended();
  CHECK(run.output.size() == 3000 * 41);
  CHECK(run.status->good());

  Run short_one("echo all");
  short_one.program->pause();
  short_one.io.run_for(300ms);
  CHECK_FALSE(short_one.status);  // its end comes after its output
  short_one.program->go_on();
  short_one.until_ended();
  CHECK(short_one.output == "all\n");
}

TEST_CASE("when a program has ended, what it left running is ended as well") {
  Run run("sleep 100 & echo $!; exit 0");
  run.until_ended();
  const int left = std::stoi(run.output);
  for (int tries = 0; tries != 1000 && !ended(left); ++tries) ::usleep(1000);  // SIGKILL takes a moment
  CHECK(ended(left));
  CHECK(no_children());
}

TEST_CASE("a program that closed its output has no more to say and is ended") {
  Run run("exec >&-; exec sleep 100");
  const auto begin = std::chrono::steady_clock::now();
  run.until_ended();
  CHECK(run.status->text() == "signal 9 (Killed)");
  CHECK(std::chrono::steady_clock::now() - begin >= 1900ms);
}

TEST_CASE("a program that is told to end does so at once, and one that does not listen after two seconds") {
  for (const bool listens : {true, false}) {
    Run run(listens ? "echo on; sleep 100" : "trap '' TERM; echo on; while :; do sleep 1; done");
    run.until_output("on");
    const auto begin = std::chrono::steady_clock::now();
    run.program->end();
    run.program.reset();
    const auto took = std::chrono::steady_clock::now() - begin;
    CHECK(no_children());
    CHECK(took < 10s);
    CHECK((took >= 1900ms) == !listens);
  }
}
