#include "certs/certs_command.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "certs/trust.h"
#include "tests/support/certificates.h"

namespace sluice::tests {
namespace {

namespace fs = std::filesystem;

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// An environment variable for the length of a test.
class Environment {
 public:
  Environment(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Environment() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_CASE("the certificates live under XDG_DATA_HOME, or under HOME") {
  const Environment home("HOME", "/someone");
  {
    const Environment data("XDG_DATA_HOME", "/data");
    CHECK(certs::default_certificate_directory() == "/data/sluice/certs");
  }
  const Environment relative("XDG_DATA_HOME", "data");  // the standard: a relative path is ignored
  CHECK(certs::default_certificate_directory() == "/someone/.local/share/sluice/certs");
  const Environment none("HOME", "");
  CHECK_THROWS_AS((void)certs::default_certificate_directory(), std::runtime_error);
}

TEST_CASE("sluice certs prints where the files are, until when they hold and a line for each client") {
  const TemporaryDirectory directory;
  std::ostringstream out;
  CHECK(certs::run_certs_command({.directory = directory.path(), .names = {"app.test"}}, out) == 0);
  const std::string ca = (directory.path() / "ca.pem").string();
  for (const std::string& part :
       {ca, (directory.path() / "server.pem").string(), (directory.path() / "server.key").string(),
        std::string("localhost, 127.0.0.1, ::1, app.test, until 20"), "--cacert " + ca, "NODE_EXTRA_CA_CERTS=" + ca,
        "verify=\"" + ca + "\"", std::string("certutil -d sql:"), std::string("update-ca-certificates")})
    CHECK_MESSAGE(contains(out.str(), part), part);
  CHECK_FALSE(contains(out.str(), "PRIVATE KEY"));
}

TEST_CASE("a directory with a space or a quote in its name is printed for a shell to read back") {
  CHECK(certs::shell_word("/plain/path-1.pem") == "/plain/path-1.pem");
  CHECK(certs::shell_word("/a b") == "'/a b'");
  CHECK(certs::shell_word("it's") == "'it'\\''s'");
  CHECK(certs::shell_word("") == "''");
}

TEST_CASE("--trust puts the CA into the NSS database and tells how to take it out") {
  if (std::system("certutil -H >/dev/null 2>&1; test $? -ne 127") != 0) return;
  const TestCertificates made;
  const certs::TrustPlaces places{.nss_database = made.directory() / "nss"};
  std::ostringstream out;
  for (int turn = 0; turn < 2; ++turn)  // a second time is no mistake
    CHECK(certs::trust_authority(made.ca(), "sluice development CA 1234", places, out));
  const std::string list = "certutil -d sql:" + places.nss_database.string() + " -L";
  CHECK(std::system((list + " | grep -q '^sluice development CA 1234 *C,,'").c_str()) == 0);
  CHECK(contains(out.str(), "undo: certutil -d sql:" + places.nss_database.string() + " -D -n"));
  CHECK(contains(out.str(), "not done: only root may; to do it: sudo cp " + made.ca().string()));

  const std::string undo = out.str().substr(out.str().find("undo: ") + 6);
  CHECK(std::system(undo.substr(0, undo.find('\n')).c_str()) == 0);
  CHECK(std::system((list + " | grep -q sluice").c_str()) != 0);
}

TEST_CASE("without certutil the package to install is named and the exit code is 1") {
  const TestCertificates made;
  const Environment path("PATH", made.directory().string());
  const Environment home("HOME", made.directory().string());
  std::ostringstream out;
  CHECK_FALSE(certs::trust_authority(made.ca(), "ca", {.nss_database = made.directory() / "nss"}, out));
  CHECK(contains(out.str(), "apt install libnss3-tools"));
  CHECK_FALSE(fs::exists(made.directory() / "nss"));
}

TEST_CASE("for root the CA goes into the system's store and its index is rebuilt") {
  const TestCertificates made;
  const fs::path programs = made.directory() / "bin", store = made.directory() / "store";
  fs::create_directories(programs);
  fs::create_directories(store);
  std::ofstream(programs / "update-ca-certificates") << "#!/bin/sh\ntouch '" << store.string() << "/rebuilt'\n";
  ::chmod((programs / "update-ca-certificates").c_str(), 0755);
  const Environment path("PATH", programs.string() + ":/usr/bin:/bin");
  const certs::TrustPlaces places{
      .nss_database = made.directory() / "nss", .system_certificates = store, .is_root = true};
  std::ostringstream out;
  (void)certs::trust_authority(made.ca(), "sluice development CA 1234", places, out);
  CHECK(fs::exists(store / "sluice-development-CA-1234.crt"));
  CHECK(fs::exists(store / "rebuilt"));
  CHECK(contains(out.str(), "undo: rm " + (store / "sluice-development-CA-1234.crt").string()));
}

}  // namespace
}  // namespace sluice::tests
