#include "gateway/source/followed_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace sluice::source {

namespace {
boost::system::error_code last_error() { return {errno, boost::system::system_category()}; }
}  // namespace

boost::system::result<FollowedFile> FollowedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a named pipe would wait for its writer.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor == -1) return last_error();
  struct stat identity {};
  if (::fstat(descriptor, &identity) == 0 && S_ISREG(identity.st_mode)) return FollowedFile(descriptor, identity);
  ::close(descriptor);
  return make_error_code(S_ISDIR(identity.st_mode) ? boost::system::errc::is_a_directory
                                                   : boost::system::errc::invalid_seek);
}

FollowedFile::~FollowedFile() {
  if (descriptor_ != -1) ::close(descriptor_);
}

FollowedFile::FollowedFile(FollowedFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      device_(other.device_),
      inode_(other.inode_),
      offset_(other.offset_) {}

FollowedFile& FollowedFile::operator=(FollowedFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  device_ = other.device_;
  inode_ = other.inode_;
  offset_ = other.offset_;
  return *this;
}

off_t FollowedFile::size() const {
  struct stat now {};
  return ::fstat(descriptor_, &now) == 0 ? now.st_size : 0;
}

std::string FollowedFile::skip_to_end() {
  offset_ = size();
  char tail[4];
  const off_t from = std::max<off_t>(offset_ - static_cast<off_t>(sizeof tail), 0);
  const ssize_t count = ::pread(descriptor_, tail, static_cast<std::size_t>(offset_ - from), from);
  return {tail, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
}

boost::system::result<std::string_view> FollowedFile::read(std::span<char> buffer) {
  while (true) {
    const ssize_t count = ::pread(descriptor_, buffer.data(), buffer.size(), offset_);
    if (count >= 0) {
      offset_ += count;
      return std::string_view(buffer.data(), static_cast<std::size_t>(count));
    }
    if (errno != EINTR) return last_error();
  }
}

bool FollowedFile::rewind_if_truncated() {
  if (size() >= offset_) return false;
  offset_ = 0;
  return true;
}

bool FollowedFile::has_more() const { return size() > offset_; }

}  // namespace sluice::source
