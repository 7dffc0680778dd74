#include "gateway/source/program_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "gateway/observe/log.h"

using namespace sluice;
using namespace std::chrono_literals;

namespace {

// What is logged while it lives.
struct Log {
  Log() {
    config::Config config;
    config.log_format = config::Config::LogFormat::text;
    observe::set_up_log(config, &out);
  }
  ~Log() { observe::set_up_log(config::Config(), nullptr); }
  [[nodiscard]] std::size_t lines() const {
    const std::string text = out.str();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  std::ostringstream out;
};

const source::ProgramLog::TimePoint start{1h};

}  // namespace

TEST_CASE("what a program says on standard error is logged line by line, with the source's name") {
  const Log log;
  source::ProgramLog program("ticks", start);
  program.take("one\r\n\n  \ntw", start);
  CHECK(log.lines() == 1);
  program.take("o\nthree", start);
  CHECK(log.lines() == 2);
  program.finish(start);
  program.finish(start);
  CHECK(log.lines() == 3);
  for (const char* text : {"source=ticks text=one\n", "source=ticks text=two\n", "source=ticks text=three\n"})
    CHECK(log.out.str().find(text) != std::string::npos);
}

TEST_CASE("a program that says too much is cut short, and how much was left out is said") {
  const Log log;
  source::ProgramLog program("ticks", start);
  for (int line = 0; line != 1000; ++line) program.take("again\n", start);
  CHECK(log.lines() == 50);
  program.take("later\n", start + 1s);
  CHECK(log.out.str().find("text=later lines_left_out=950") != std::string::npos);
  program.take(std::string(100'000, 'x') + "\n", start + 2s);
  CHECK(log.out.str().find(std::string(1024, 'x') + "\n") != std::string::npos);
  CHECK(log.out.str().find(std::string(1025, 'x')) == std::string::npos);
}
