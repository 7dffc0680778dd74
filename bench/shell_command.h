// ShellCommand: a command of the user's, run by /bin/sh -c in a process group of its own, with nothing of ours but
// standard error and, if asked for, a pipe to its standard input. Its standard output goes to standard error, for ours
// may be a report. Owned by whoever started it. Invariant: when it is destroyed the command has ended, and was reaped.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace sluice::bench {

class ShellCommand {
 public:
  enum class Input : bool { none, pipe };
  // Throws std::runtime_error when it cannot be started.
  ShellCommand(const std::string& command, Input input);
  // Ends the group: SIGTERM, and SIGKILL two seconds later.
  ~ShellCommand();
  ShellCommand(const ShellCommand&) = delete;
  ShellCommand& operator=(const ShellCommand&) = delete;

  // The pipe's descriptor, not blocking, whose owner the caller becomes; -1: there is none (any more).
  [[nodiscard]] int take_input();
  // Whether it has ended, and how: "exit code 3", "signal 9".
  [[nodiscard]] bool ended();
  [[nodiscard]] bool failed() const { return status_ && *status_ != 0; }
  [[nodiscard]] std::string how() const;

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  std::optional<int> status_;  // of waitpid(2)
};

}  // namespace sluice::bench
