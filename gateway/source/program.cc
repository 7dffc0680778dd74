#include "gateway/source/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace sluice::source {

namespace {

// One buffer per thread: programs read one after the other.
std::array<char, 64 * 1024>& read_buffer() {
  static thread_local std::array<char, 64 * 1024> buffer;
  return buffer;
}

std::string error_text(std::string_view call, int error) { return fmt::format("{}: {}", call, std::strerror(error)); }

// Our environment without what configures us, which may hold secrets. The pointers are the environment's own.
std::vector<char*> environment() {
  std::vector<char*> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    if (std::strncmp(*entry, "SLUICE_", 7) != 0) variables.push_back(*entry);
  variables.push_back(nullptr);
  return variables;
}

struct Pipe {
  int read = -1, write = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    if (read != -1) ::close(read);
    if (write != -1) ::close(write);
  }
  [[nodiscard]] bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    // Only our end: O_NONBLOCK belongs to the open end, and programs do not expect it of theirs.
    return ::fcntl(read, F_SETFL, O_NONBLOCK) == 0;
  }
};

struct SpawnActions {
  posix_spawn_file_actions_t actions;
  SpawnActions() { ::posix_spawn_file_actions_init(&actions); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions); }
};

struct SpawnAttributes {
  posix_spawnattr_t attributes;
  SpawnAttributes() { ::posix_spawnattr_init(&attributes); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes); }
};

// posix_spawn shares our memory until exec (vfork), so that a large gateway does not stop to copy its page tables.
int spawn(pid_t& process, const std::vector<std::string>& command, const Pipe& output, const Pipe& errors) {
  SpawnActions actions;
  ::posix_spawn_file_actions_addopen(&actions.actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions.actions, output.write, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions.actions, errors.write, STDERR_FILENO);
  // Asio opens sockets without CLOEXEC: a program that kept one would keep a subscriber's connection, or our port.
  ::posix_spawn_file_actions_addclosefrom_np(&actions.actions, STDERR_FILENO + 1);

  SpawnAttributes attributes;
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGCHLD})
    ::sigaddset(&defaults, signal);
  ::posix_spawnattr_setsigmask(&attributes.attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes.attributes, &defaults);
  ::posix_spawnattr_setpgroup(&attributes.attributes, 0);
  ::posix_spawnattr_setflags(&attributes.attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);

  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  return ::posix_spawnp(&process, arguments.front(), &actions.actions, &attributes.attributes, arguments.data(),
                        environment().data());
}

}  // namespace

std::string ExitStatus::text() const {
  if (!by_signal) return fmt::format("exit status {}", number);
  const char* description = ::sigdescr_np(number);
  return fmt::format("signal {} ({})", number, description == nullptr ? "unknown" : description);
}

Program::Program(boost::asio::io_context& io, ProgramVisitor& visitor)
    : visitor_(visitor), output_(io), errors_(io), exit_(io), lingering_(io) {}

Program::~Program() {
  if (process_ == 0) return;
  end();
  // The group's first process is ours to wait for, and keeps the group's number from being given to others.
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(asked_to_end_ + grace - std::chrono::steady_clock::now());
  siginfo_t ended{};
  if (exit_.is_open() && left.count() > 0) {
    pollfd wait{.fd = exit_.native_handle(), .events = POLLIN, .revents = 0};
    (void)::poll(&wait, 1, static_cast<int>(left.count()));
  }
  signal_group(SIGKILL);
  while (::waitid(P_PID, static_cast<id_t>(process_), &ended, WEXITED) != 0 && errno == EINTR) continue;
}

std::string Program::start(const std::vector<std::string>& command) {
  Pipe output, errors;
  if (!output.open() || !errors.open()) return error_text("pipe", errno);
  pid_t process = 0;
  if (const int error = spawn(process, command, output, errors); error != 0)
    return fmt::format("cannot start `{}`: {}", command.front(), std::strerror(error));
  process_ = process;
  output_.assign(std::exchange(output.read, -1));
  errors_.assign(std::exchange(errors.read, -1));
  // glibc 2.36 declares pidfd_open() for C alone.
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  if (descriptor == -1) return error_text("pidfd_open", errno);
  exit_.assign(descriptor);
  read_output();
  read_errors();
  await_exit();
  return {};
}

void Program::go_on() {
  if (!std::exchange(paused_, false)) return;
  if (exited_) return on_exit();
  if (!reading_) read_output();
}

void Program::end() {
  boost::system::error_code ignored;
  output_.close(ignored);  // whoever is blocked in a write gets SIGPIPE, and can end
  errors_.close(ignored);
  lingering_.cancel();
  if (process_ == 0 || asked_to_end_ != decltype(asked_to_end_)()) return;
  asked_to_end_ = std::chrono::steady_clock::now();
  signal_group(SIGTERM);
  signal_group(SIGCONT);  // a stopped process would not notice
}

void Program::signal_group(int number) {
  // -0 would be our own group. Until it is reaped nobody else can have the number.
  if (process_ != 0) (void)::kill(-process_, number);
}

bool Program::take(Stream& stream, void (ProgramVisitor::*tell)(std::string_view), std::size_t reads) {
  auto& buffer = read_buffer();
  while (reads-- != 0) {
    const ssize_t count = ::read(stream.native_handle(), buffer.data(), buffer.size());
    if (count > 0)
      (visitor_.*tell)({buffer.data(), static_cast<std::size_t>(count)});
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
      return false;
    else if (errno == EAGAIN)
      return true;
  }
  return true;
}

void Program::read_output() {
  reading_ = true;
  output_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    reading_ = false;
    if (paused_) return;
    if (take(output_, &ProgramVisitor::on_output, 1)) return read_output();
    // It has closed its standard output, most often because it ends just now: what else it would do is of no use.
    output_.close();
    lingering_.expires_after(grace);
    lingering_.async_wait([this](const boost::system::error_code& cancelled) {
      if (!cancelled) signal_group(SIGKILL);
    });
  });
}

void Program::read_errors() {
  errors_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    if (take(errors_, &ProgramVisitor::on_error_output, 1))
      read_errors();
    else
      errors_.close();
  });
}

void Program::await_exit() {
  exit_.async_wait(Stream::wait_read, [this](const boost::system::error_code& error) {
    if (error) return;
    exited_ = true;
    if (!paused_) on_exit();
  });
}

void Program::on_exit() {
  lingering_.cancel();
  signal_group(SIGKILL);
  // What it wrote last is in the pipes, which hold 64 KiB, or 1 MiB if it asked for that.
  constexpr std::size_t reads = 32;
  if (errors_.is_open()) (void)take(errors_, &ProgramVisitor::on_error_output, reads);
  if (output_.is_open()) (void)take(output_, &ProgramVisitor::on_output, reads);
  siginfo_t ended{};
  while (::waitid(P_PID, static_cast<id_t>(process_), &ended, WEXITED) != 0 && errno == EINTR) continue;
  process_ = 0;
  boost::system::error_code ignored;
  output_.close(ignored);
  errors_.close(ignored);
  exit_.close(ignored);
  visitor_.on_ended({.by_signal = ended.si_code != CLD_EXITED, .number = ended.si_status});
}

}  // namespace sluice::source
