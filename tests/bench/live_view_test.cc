#include "bench/live_view.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

using namespace sluice::bench;

namespace {

LiveView::Options options(bool terminal) {
  return {.title = "steady",
          .terminal = terminal,
          .quiet = false,
          .style =
              [] {
                return TextStyle{true, true, 80};
              },
          .stop = nullptr,
          .open = nullptr};
}

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("on a terminal the block is drawn in its place, and taken away with the cursor back") {
  std::ostringstream out;
  {
    LiveView view(out, options(true));
    view.on_progress({});
    const std::string first = out.str();
    CHECK(first.starts_with("\x1b[?25l"));
    view.on_progress({});
    CHECK(out.str().substr(first.size()).starts_with("\x1b[" + std::to_string(lines_of(first)) + "A\r\x1b[J"));
  }
  CHECK(out.str().ends_with("\x1b[J\x1b[?25h"));
}

TEST_CASE("a view that has drawn nothing leaves nothing behind") {
  std::ostringstream out;
  { const LiveView view(out, options(true)); }
  CHECK(out.str().empty());
}

TEST_CASE("elsewhere there is a plain line a second, and one when a phase begins") {
  std::ostringstream out;
  LiveView view(out, options(false));
  for (const double seconds : {0.0, 0.25, 0.5, 0.75, 1.0, 1.25}) view.on_progress({.seconds = seconds});
  CHECK(lines_of(out.str()) == 2);
  view.on_progress({.phase = Phase::measuring, .seconds = 1.5});
  CHECK(lines_of(out.str()) == 3);
  CHECK(out.str().find('\x1b') == std::string::npos);
}

TEST_CASE("a quiet view says nothing, and still knows when to stop") {
  std::ostringstream out;
  bool stop = false;
  LiveView::Options quiet = options(true);
  quiet.quiet = true;
  quiet.stop = [&] { return stop; };
  LiveView view(out, quiet);
  view.on_progress({});
  CHECK(out.str().empty());
  CHECK(!view.wants_to_stop());
  stop = true;
  CHECK(view.wants_to_stop());
}
