#include "bench/live_view.h"

#include <ostream>

#include <fmt/format.h>

#include "bench/live_lines.h"

namespace sluice::bench {
namespace {

constexpr const char* hide_cursor = "\x1b[?25l";
constexpr const char* show_cursor = "\x1b[?25h";
constexpr const char* erase_below = "\x1b[J";
constexpr double line_seconds = 1;

}  // namespace

LiveView::LiveView(std::ostream& out, Options options) : out_(out), options_(std::move(options)) {}

LiveView::~LiveView() { clear(); }

void LiveView::on_progress(const Progress& progress) {
  if (options_.quiet) return;
  if (options_.terminal) return draw(progress);
  if (progress.seconds < next_line_seconds_ && progress.phase == phase_) return;
  next_line_seconds_ = progress.seconds + line_seconds;
  phase_ = progress.phase;
  out_ << live_line(progress) << '\n' << std::flush;
}

void LiveView::on_open() {
  if (options_.open) options_.open();
}

// One write for the whole block: a terminal then shows no half of it.
void LiveView::draw(const Progress& progress) {
  std::string block = drawn_lines_ == 0 ? hide_cursor : fmt::format("\x1b[{}A\r", drawn_lines_);
  block += erase_below;
  const auto lines = live_block(progress, options_.title, options_.style());
  for (const std::string& line : lines) block += line + '\n';
  drawn_lines_ = lines.size();
  out_ << block << std::flush;
}

void LiveView::clear() {
  if (drawn_lines_ == 0) return;
  out_ << fmt::format("\x1b[{}A\r", drawn_lines_) << erase_below << show_cursor << std::flush;
  drawn_lines_ = 0;
}

}  // namespace sluice::bench
