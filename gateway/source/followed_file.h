// FollowedFile: one file (an inode, whatever it is called meanwhile) and the place up to which it was read. A value
// that owns a descriptor; made and used by File on the home worker's thread, whose reads are of a regular file: they do
// not wait for a writer. It knows nothing of the path once it is open. Invariant: what read() returned is read once,
// but for what comes again behind a truncation.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace sluice::source {

class FollowedFile {
 public:
  // At its beginning. Only regular files: others have neither an end nor a place.
  [[nodiscard]] static boost::system::result<FollowedFile> open(const std::string& path);
  ~FollowedFile();
  FollowedFile(FollowedFile&& other) noexcept;
  FollowedFile& operator=(FollowedFile&& other) noexcept;

  // Goes to the end; the last bytes before it, at most four.
  [[nodiscard]] std::string skip_to_end();
  // The next bytes, in `buffer`; none: the end, for now.
  [[nodiscard]] boost::system::result<std::string_view> read(std::span<char> buffer);
  // Whether it has become shorter than what was read: goes to its beginning then.
  [[nodiscard]] bool rewind_if_truncated();
  // It has bytes that were not read.
  [[nodiscard]] bool has_more() const;
  [[nodiscard]] bool is(const struct stat& other) const { return device_ == other.st_dev && inode_ == other.st_ino; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  FollowedFile(int descriptor, const struct stat& identity)
      : descriptor_(descriptor), device_(identity.st_dev), inode_(identity.st_ino) {}
  [[nodiscard]] off_t size() const;

  int descriptor_;
  dev_t device_;
  ino_t inode_;
  off_t offset_ = 0;
};

}  // namespace sluice::source
