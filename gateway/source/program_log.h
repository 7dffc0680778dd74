// ProgramLog: what a program writes to standard error, as lines of our log at level info, each with the source's name.
// Owned by Exec, on the home worker's thread. Told the time.
// Invariant: whatever the program writes, at most a burst of 50 lines and 10 a second, of at most 1 KiB each, are
// logged; how many were not is said with the next one that is.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/http2_limits.h"

namespace sluice::source {

class ProgramLog {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;
  ProgramLog(std::string source, TimePoint now) : source_(std::move(source)), budget_(50, 10, now) {}

  void take(std::string_view bytes, TimePoint now);
  // The program has ended: a line without its end is one.
  void finish(TimePoint now);

 private:
  void write(TimePoint now);

  const std::string source_;
  proto::TokenBucket budget_;
  std::string line_;  // at most 1 KiB of it
  std::uint64_t left_out_ = 0;
};

}  // namespace sluice::source
