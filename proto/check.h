// check(): a condition that only a bug of ours can break. It stays on in release builds and ends the process with the
// place: a gateway that goes on with a broken invariant would hand one subscriber another's events.
// Never for input: wire input answers with a result, configuration with an exception.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace sluice {

[[noreturn]] inline void fail_check(const char* what, const char* file, int line, const char* function) noexcept {
  std::fprintf(stderr, "sluice: bug: %s (%s:%d, %s)\n", what, file, line, function);
  std::abort();
}

// The place is the caller's. Builtins, because clang 14, which builds the fuzz targets, has no std::source_location.
inline void check(bool holds, const char* what, const char* file = __builtin_FILE(), int line = __builtin_LINE(),
                  const char* function = __builtin_FUNCTION()) noexcept {
  if (!holds) [[unlikely]]
    fail_check(what, file, line, function);
}

}  // namespace sluice
