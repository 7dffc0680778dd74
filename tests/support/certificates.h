// Certificates for a test: a CA and a server certificate for localhost, 127.0.0.1 and ::1 in a directory of their own,
// made when the test begins and removed when it ends. Never stored, so none can leak or expire.
// Link `certs`. Making one takes about a millisecond.
// Invariant: the files exist as long as the object.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include "certs/certs.h"

namespace sluice::tests {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class TestCertificates {
 public:
  explicit TestCertificates(const std::vector<std::string>& names = {})
      : paths_(certs::ensure_development_certificate(directory_.path(), names)) {}

  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  [[nodiscard]] const std::filesystem::path& ca() const { return paths_.ca; }
  [[nodiscard]] const std::filesystem::path& cert() const { return paths_.cert; }
  [[nodiscard]] const std::filesystem::path& key() const { return paths_.key; }

 private:
  TemporaryDirectory directory_;
  certs::CertificatePaths paths_;
};

}  // namespace sluice::tests
