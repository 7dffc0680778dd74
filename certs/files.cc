#include "certs/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace sluice::certs {
namespace {

[[noreturn]] void refuse(const std::filesystem::path& file, const char* what, int code) {
  throw std::runtime_error(file.string() + ": cannot " + what + ": " + std::strerror(code) +
                           ": make its directory writable for you, or choose another one with --dir");
}

void write_whole(int descriptor, const std::filesystem::path& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(file, "write", errno);
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  if (::fsync(descriptor) != 0) refuse(file, "sync", errno);
}

}  // namespace

void make_private_directory(const std::filesystem::path& directory) {
  if (directory.has_parent_path() && directory.parent_path() != directory &&
      !std::filesystem::exists(directory.parent_path()))
    make_private_directory(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) == 0 || (errno == EEXIST && std::filesystem::is_directory(directory))) return;
  refuse(directory, "make the directory", errno);
}

void write_atomically(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const std::filesystem::path temporary = file.string() + "." + std::to_string(::getpid()) + ".tmp";
  ::unlink(temporary.c_str());  // of a process that died with our number
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (descriptor < 0) refuse(file, "write", errno);
  try {
    if (::fchmod(descriptor, mode) != 0) refuse(file, "set the mode", errno);  // whatever the umask says
    write_whole(descriptor, file, text);
    if (::rename(temporary.c_str(), file.c_str()) != 0) refuse(file, "rename into place", errno);
  } catch (...) {
    ::close(descriptor);
    ::unlink(temporary.c_str());
    throw;
  }
  ::close(descriptor);
}

DirectoryLock::DirectoryLock(const std::filesystem::path& directory)
    : descriptor_(::open((directory / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (descriptor_ < 0) refuse(directory / ".lock", "open", errno);
  int result = 0;
  do result = ::flock(descriptor_, LOCK_EX);
  while (result != 0 && errno == EINTR);
  if (result == 0) return;
  const int code = errno;
  ::close(descriptor_);
  refuse(directory / ".lock", "lock", code);
}

DirectoryLock::~DirectoryLock() { ::close(descriptor_); }

}  // namespace sluice::certs
