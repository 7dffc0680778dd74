#include "gateway/source/program_log.h"

#include <algorithm>
#include <utility>

#include "gateway/observe/log.h"

namespace sluice::source {

namespace {
constexpr std::size_t line_size_max = 1024;
}  // namespace

void ProgramLog::take(std::string_view bytes, TimePoint now) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    line_ += bytes.substr(0, std::min(end, line_size_max - line_.size()));
    if (end == bytes.size()) return;
    bytes.remove_prefix(end + 1);
    write(now);
  }
}

void ProgramLog::finish(TimePoint now) {
  if (!line_.empty()) write(now);
}

void ProgramLog::write(TimePoint now) {
  if (line_.ends_with('\r')) line_.pop_back();
  if (line_.find_first_not_of(" \t") == std::string::npos) {
    // Nothing to read.
  } else if (!budget_.take(now)) {
    ++left_out_;
  } else if (const std::uint64_t left_out = std::exchange(left_out_, 0); left_out != 0) {
    observe::log_event(observe::Level::info, "program says",
                       {{"source", source_}, {"text", line_}, {"lines_left_out", left_out}});
  } else {
    observe::log_event(observe::Level::info, "program says", {{"source", source_}, {"text", line_}});
  }
  line_.clear();
}

}  // namespace sluice::source
