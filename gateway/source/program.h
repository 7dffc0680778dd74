// Program: one run of a foreign program: its process group, its standard output and standard error. Owned by Exec, on
// the home worker's thread; it never decides to start again. It is started without a shell, with nothing on standard
// input, none of our descriptors, default signals, and our environment but for SLUICE_*. Its run is over when its first
// process has ended: what is left of its group is killed then.
// Invariant: no process of the group and no zombie outlives this object.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

namespace sluice::source {

struct ExitStatus {
  bool by_signal = false;
  int number = 0;  // of the signal, or what it exited with
  [[nodiscard]] bool good() const { return !by_signal && number == 0; }
  [[nodiscard]] std::string text() const;  // "exit status 3", "signal 9 (Killed)"
};

// A callback may not destroy its program.
class ProgramVisitor {
 public:
  virtual void on_output(std::string_view bytes) = 0;
  virtual void on_error_output(std::string_view bytes) = 0;
  // Once, after all output.
  virtual void on_ended(const ExitStatus& status) = 0;

 protected:
  ~ProgramVisitor() = default;
};

class Program {
 public:
  // How long it is given between SIGTERM and SIGKILL.
  static constexpr std::chrono::seconds grace{2};

  Program(boost::asio::io_context& io, ProgramVisitor& visitor);
  // Kills what is left; waits for it, at most for the rest of the grace since end().
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Empty: it runs. Else why it does not, for a person.
  [[nodiscard]] std::string start(const std::vector<std::string>& command);
  // Reads no standard output until go_on(): the pipe then holds the program. Its end is not told meanwhile either.
  void pause() { paused_ = true; }
  void go_on();
  // Asks the group to end, reads no more and tells no more. For when the loop has ended.
  void end();

 private:
  using Stream = boost::asio::posix::stream_descriptor;
  void read_output();
  void read_errors();
  void await_exit();
  void on_exit();
  void signal_group(int number);
  // Reads what is there. False: the end of the stream.
  [[nodiscard]] bool take(Stream& stream, void (ProgramVisitor::*tell)(std::string_view), std::size_t reads);

  ProgramVisitor& visitor_;
  Stream output_, errors_, exit_;  // exit_: a pidfd, readable once the process has ended
  boost::asio::steady_timer lingering_;
  int process_ = 0;  // 0: none, or reaped
  std::chrono::steady_clock::time_point asked_to_end_{};
  bool paused_ = false, reading_ = false, exited_ = false;
};

}  // namespace sluice::source
