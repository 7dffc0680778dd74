#include "certs/certs.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "certs/authority.h"
#include "proto/pem.h"
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

std::string line_of(const fs::path& directory) {
  try {
    certs::ensure_development_certificate(directory);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// Replaces the server certificate by one that was made `days` ago.
void age_server(const TestCertificates& made, int days) {
  const std::time_t now = std::time(nullptr);
  proto::Credentials ca = proto::read_credentials(made.ca(), made.directory() / "ca.key", now);
  const certs::Issued authority{std::move(ca.leaf), std::move(ca.key)};
  const certs::Issued leaf = certs::make_leaf(authority, {"localhost", "127.0.0.1", "::1"}, now - days * 86400L);
  std::ofstream(made.cert()) << certs::pem_text(leaf.certificate.get());
  std::ofstream(made.key()) << certs::pem_text(leaf.key.get());
}

TEST_CASE("a certificate with fewer than 30 days left is renewed, one with more is not") {
  for (const int days : {300, 366, 368, 400}) {
    CAPTURE(days);
    const TestCertificates made;
    age_server(made, days);
    const std::string ca = read_all(made.ca()), cert = read_all(made.cert());
    certs::ensure_development_certificate(made.directory());
    CHECK((read_all(made.cert()) != cert) == (days > 367));
    CHECK(read_all(made.ca()) == ca);
    CHECK(succeeds("openssl verify -CAfile " + made.ca().string() + " " + made.cert().string()));
  }
}

TEST_CASE("a broken server certificate, a foreign key or a lost file is made anew; asked for, so is a good one") {
  const TestCertificates made, other;
  const auto renews_after = [&](const auto& change) {
    change();
    const std::string cert = fs::exists(made.cert()) ? read_all(made.cert()) : "";
    certs::ensure_development_certificate(made.directory());
    (void)proto::read_credentials(made.cert(), made.key(), std::time(nullptr));
    return read_all(made.cert()) != cert;
  };
  CHECK(renews_after([&] { std::ofstream(made.cert()) << "rubbish"; }));
  CHECK(renews_after([&] { std::ofstream(made.key()) << ""; }));
  CHECK(renews_after([&] { fs::copy(other.key(), made.key(), fs::copy_options::overwrite_existing); }));
  CHECK(renews_after([&] { fs::remove(made.cert()); }));
  CHECK(renews_after([&] { fs::remove(made.key()); }));
  CHECK(renews_after([&] {
    for (const char* name : {"server.pem", "server.key"})
      fs::copy(other.directory() / name, made.directory() / name, fs::copy_options::overwrite_existing);
  }));
  CHECK(mode_of(made.key()) == 0600);
  const std::string cert = read_all(made.cert());
  certs::ensure_development_certificate(made.directory(), {}, certs::Renew::always);
  CHECK(read_all(made.cert()) != cert);
}

TEST_CASE("a CA is never replaced: half of one, a broken or an unmatched one is an error that says what to do") {
  const TestCertificates other;
  struct Row {
    const char* name;
    void (*break_it)(const fs::path& directory, const fs::path& other);
    std::string_view problem;
  };
  const Row rows[] = {
      {"key lost", [](auto& directory, auto&) { fs::remove(directory / "ca.key"); }, "ca.key: missing beside ca.pem"},
      {"CA lost", [](auto& directory, auto&) { fs::remove(directory / "ca.pem"); }, "ca.pem: missing beside ca.key"},
      {"CA broken", [](auto& directory, auto&) { std::ofstream(directory / "ca.pem") << "x"; }, "no PEM certificate"},
      {"unmatched",
       [](auto& directory, auto& other_directory) {
         fs::copy(other_directory / "ca.key", directory / "ca.key", fs::copy_options::overwrite_existing);
       },
       "belongs to another certificate"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string_view(row.name));
    const TestCertificates made;
    row.break_it(made.directory(), other.directory());
    const std::string line = line_of(made.directory());
    CAPTURE(line);
    CHECK(line.find(row.problem) != std::string::npos);
    CHECK(line.find("remove") != std::string::npos);
    CHECK(line.find('\n') == std::string::npos);
  }
}

TEST_CASE("a directory that cannot be made or is a file is an error with its name") {
  const TemporaryDirectory directory;
  std::ofstream(directory.path() / "file") << "x";
  CHECK(line_of(directory.path() / "file").find("file: cannot make the directory") != std::string::npos);
  CHECK(line_of(directory.path() / "file/below").find("cannot make the directory") != std::string::npos);
}

TEST_CASE("processes that start together end with one CA and a pair that matches") {
  const TemporaryDirectory directory;
  std::vector<pid_t> children;
  for (int index = 0; index < 8; ++index) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      const std::string line = line_of(directory.path());
      ::_exit(line.empty() ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(line_of(directory.path()) == "");
  // ca.pem, ca.key, server.pem, server.key, .lock: no temporary file is left.
  CHECK(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) == 5);
}

}  // namespace
}  // namespace sluice::tests
