// Files and directories whose content is secret or must never be seen half written. POSIX only.
// Used by certs.cc at start-up. Throws std::runtime_error with one line: file, problem, remedy.
// Invariant: at every moment a reader sees the whole old file or the whole new one.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string_view>

namespace sluice::certs {

// With its parents; those that are made get mode 0700.
void make_private_directory(const std::filesystem::path& directory);

// Through a temporary file in the same directory, synced, then renamed.
void write_atomically(const std::filesystem::path& file, std::string_view text, mode_t mode);

// Holds `directory`/.lock for its lifetime, waiting for another process to be done.
class DirectoryLock {
 public:
  explicit DirectoryLock(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace sluice::certs
