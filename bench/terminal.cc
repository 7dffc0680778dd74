#include "bench/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace sluice::bench {
namespace {

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// A locale that is not set says nothing: containers have none, and terminals that show them UTF-8.
bool shows_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const std::string_view locale = environment(name); !locale.empty())
      return locale.find("UTF-8") != std::string_view::npos || locale.find("utf8") != std::string_view::npos;
  return environment("TERM") != "linux";
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

TextStyle style_of(int descriptor) {
  TextStyle style;
  const bool terminal = is_terminal(descriptor);
  style.color = terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  style.unicode = shows_unicode();
  style.columns = 100;
  winsize window{};
  if (terminal && ::ioctl(descriptor, TIOCGWINSZ, &window) == 0 && window.ws_col != 0) style.columns = window.ws_col;
  return style;
}

}  // namespace sluice::bench
