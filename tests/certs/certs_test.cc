#include "certs/certs.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/certificates.h"

namespace sluice::tests {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

mode_t mode_of(const fs::path& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

bool succeeds(const std::string& command) { return std::system((command + " >/dev/null 2>&1").c_str()) == 0; }

TEST_CASE("a first start makes a CA and a server certificate that openssl verifies for localhost and the loopbacks") {
  const TestCertificates made;
  const std::string verify = "openssl verify -x509_strict -CAfile " + made.ca().string();
  CHECK(succeeds(verify + " -purpose sslserver -verify_hostname localhost " + made.cert().string()));
  CHECK(succeeds(verify + " -verify_ip 127.0.0.1 " + made.cert().string()));
  CHECK(succeeds(verify + " -verify_ip ::1 " + made.cert().string()));
  CHECK_FALSE(succeeds(verify + " -verify_hostname example.test " + made.cert().string()));
}

TEST_CASE("keys are readable by their owner alone") {
  const TestCertificates made;
  CHECK(mode_of(made.key()) == 0600);
  CHECK(mode_of(made.directory() / "ca.key") == 0600);
  CHECK(mode_of(made.ca()) == 0644);
  CHECK(mode_of(made.cert()) == 0644);
  const fs::path nested = made.directory() / "a/b";
  certs::ensure_development_certificate(nested);
  CHECK(mode_of(nested) == 0700);
  CHECK(mode_of(nested.parent_path()) == 0700);
}

TEST_CASE("a second start changes nothing") {
  const TestCertificates made;
  const std::string ca = read_all(made.ca()), cert = read_all(made.cert()), key = read_all(made.key());
  certs::ensure_development_certificate(made.directory());
  CHECK(read_all(made.ca()) == ca);
  CHECK(read_all(made.cert()) == cert);
  CHECK(read_all(made.key()) == key);
}

TEST_CASE("a name that is asked for renews the certificate, keeps the CA and the names it had") {
  const TestCertificates made({"one.test"});
  const std::string ca = read_all(made.ca());
  certs::ensure_development_certificate(made.directory(), {"Two.Test", "192.0.2.7"});
  CHECK(read_all(made.ca()) == ca);
  const std::string verify = "openssl verify -CAfile " + made.ca().string();
  for (const char* name : {"localhost", "one.test", "two.test"})
    CHECK(succeeds(verify + " -verify_hostname " + name + " " + made.cert().string()));
  CHECK(succeeds(verify + " -verify_ip 192.0.2.7 " + made.cert().string()));
}

}  // namespace
}  // namespace sluice::tests
