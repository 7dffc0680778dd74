// check(): a condition that only a bug of ours can break. It stays on in release builds and ends the process with the
// place: a gateway that goes on with a broken invariant would hand one subscriber another's events.
// Never for input: wire input answers with a result, configuration with an exception.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <source_location>

namespace sluice {

[[noreturn]] inline void fail_check(const char* what, const std::source_location& where) noexcept {
  std::fprintf(stderr, "sluice: bug: %s (%s:%u, %s)\n", what, where.file_name(), where.line(), where.function_name());
  std::abort();
}

inline void check(bool holds, const char* what,
                  const std::source_location& where = std::source_location::current()) noexcept {
  if (!holds) [[unlikely]]
    fail_check(what, where);
}

}  // namespace sluice
