#include "bench/shell_command.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <utility>

namespace sluice::bench {
namespace {

constexpr std::chrono::seconds patience{2};

// posix_spawn's two descriptions of the child.
struct Child {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  Child() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  ~Child() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
};

}  // namespace

ShellCommand::ShellCommand(const std::string& command, Input input) {
  int ends[2] = {-1, -1};
  if (input == Input::pipe && pipe2(ends, O_CLOEXEC) != 0)
    throw std::runtime_error(std::string("no pipe for a command: ") + std::strerror(errno));
  Child child;
  if (input == Input::pipe)
    posix_spawn_file_actions_adddup2(&child.files, ends[0], 0);
  else
    posix_spawn_file_actions_addopen(&child.files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&child.files, 2, 1);
  // A server that it starts must not inherit ten thousand connections to itself.
  posix_spawn_file_actions_addclosefrom_np(&child.files, 3);
  sigset_t none;
  sigemptyset(&none);
  sigset_t all_default;
  sigfillset(&all_default);
  posix_spawnattr_setflags(&child.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&child.attributes, &none);
  posix_spawnattr_setsigdefault(&child.attributes, &all_default);
  std::string shell = "sh", option = "-c", text = command;
  char* const arguments[] = {shell.data(), option.data(), text.data(), nullptr};
  const int error = posix_spawn(&pid_, "/bin/sh", &child.files, &child.attributes, arguments, environ);
  if (ends[0] != -1) ::close(ends[0]);
  if (error != 0) {
    if (ends[1] != -1) ::close(ends[1]);
    throw std::runtime_error("cannot run \"" + command + "\": " + std::strerror(error));
  }
  input_ = ends[1];
  if (input_ != -1) fcntl(input_, F_SETFL, O_NONBLOCK);
}

ShellCommand::~ShellCommand() {
  if (input_ != -1) ::close(input_);
  if (ended()) return;
  kill(-pid_, SIGTERM);
  for (const auto deadline = std::chrono::steady_clock::now() + patience;
       !ended() && std::chrono::steady_clock::now() < deadline;)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // a child's end has no deadline to wait with
  if (ended()) return;
  kill(-pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
}

int ShellCommand::take_input() { return std::exchange(input_, -1); }

bool ShellCommand::ended() {
  int status = 0;
  if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_.has_value();
}

std::string ShellCommand::how() const {
  if (!status_) return "running";
  if (WIFSIGNALED(*status_)) return "signal " + std::to_string(WTERMSIG(*status_));
  return "exit code " + std::to_string(WEXITSTATUS(*status_));
}

}  // namespace sluice::bench
