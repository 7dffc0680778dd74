#include "proto/pem.h"

#include <doctest/doctest.h>
#include <openssl/rsa.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <string_view>

#include "certs/authority.h"
#include "proto/tls.h"
#include "tests/support/certificates.h"

namespace sluice::tests {
namespace {

namespace fs = std::filesystem;
constexpr std::time_t day = 86400;

void write(const fs::path& file, std::string_view text) { std::ofstream(file, std::ios::binary) << text; }
std::string read(const fs::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}
void write(const fs::path& certificate, const fs::path& key, const certs::Issued& issued) {
  write(certificate, certs::pem_text(issued.certificate.get()));
  write(key, certs::pem_text(issued.key.get()));
}

// A pair that make_leaf() would never make: RSA of any size, signed by itself.
certs::Issued rsa_pair(unsigned int bits) {
  certs::Issued pair{proto::CertificateHandle(X509_new()), proto::KeyHandle(EVP_RSA_gen(bits))};
  X509_set_version(pair.certificate.get(), X509_VERSION_3);
  X509_gmtime_adj(X509_getm_notBefore(pair.certificate.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(pair.certificate.get()), day);
  X509_set_pubkey(pair.certificate.get(), pair.key.get());
  X509_sign(pair.certificate.get(), pair.key.get(), EVP_sha256());
  return pair;
}

// The error line that a server's start ends with, or "".
std::string start(const fs::path& certificate, const fs::path& key) {
  try {
    (void)proto::TlsContext::server({.certificate = certificate, .key = key});
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

TEST_CASE("every broken certificate or key is one line with its file, the problem and the remedy") {
  const certs::Issued authority = certs::make_authority(std::time(nullptr));
  const auto leaf_made = [&](std::time_t moment) { return certs::make_leaf(authority, {"localhost"}, moment); };
  struct Row {
    const char* name;
    std::function<void(const fs::path& certificate, const fs::path& key)> break_it;
    const char* file;  // the one that the line names
    std::string_view problem;
    std::string_view remedy;
  };
  const Row rows[] = {
      {"certificate missing", [](auto& cert, auto&) { fs::remove(cert); }, "cert", "no such file", "sluice certs"},
      {"key missing", [](auto&, auto& key) { fs::remove(key); }, "key", "no such file", "correct the path"},
      {"certificate empty", [](auto& cert, auto&) { write(cert, ""); }, "cert", "empty file", "PEM"},
      {"key empty", [](auto&, auto& key) { write(key, ""); }, "key", "empty file", "PEM"},
      {"not PEM", [](auto& cert, auto&) { write(cert, "\x30\x82\x01"); }, "cert", "no PEM certificate", "-inform DER"},
      {"key is not PEM", [](auto&, auto& key) { write(key, "\x30\x82"); }, "key", "no PEM private key", "-inform DER"},
      {"a directory", [](auto& cert, auto&) { fs::remove(cert), fs::create_directory(cert); }, "cert",
       "not a regular file", "name a PEM file"},
      {"files swapped",
       [](auto& cert, auto& key) {
         fs::rename(cert, cert.string() + "x"), fs::rename(key, cert), fs::rename(cert.string() + "x", key);
       },
       "cert", "no PEM certificate", "this is a private key"},
      {"certificate named as key", [](auto& cert, auto& key) { write(key, read(cert)); }, "key", "no PEM private key",
       "this is a certificate"},
      {"certificate cut short", [](auto& cert, auto&) { write(cert, read(cert).substr(0, 300)); }, "cert",
       "certificate 1 is broken", "from BEGIN to END"},
      {"chain cut short", [](auto& cert, auto&) { write(cert, read(cert) + read(cert).substr(0, 300)); }, "cert",
       "certificate 2 is broken", "from BEGIN to END"},
      {"key cut short", [](auto&, auto& key) { write(key, read(key).substr(0, 80)); }, "key", "broken",
       "from BEGIN to END"},
      {"another's key", [&](auto&, auto& key) { write(key, certs::pem_text(authority.key.get())); }, "key",
       "belongs to another certificate than", "name the key"},
      {"leaf not first",
       [&](auto& cert, auto&) { write(cert, certs::pem_text(authority.certificate.get()) + read(cert)); }, "cert",
       "the key's certificate is not the first", "put the leaf first"},
      {"expired", [&](auto& cert, auto& key) { write(cert, key, leaf_made(std::time(nullptr) - 398 * day)); }, "cert",
       "expired at 20", "renew it"},
      {"not yet valid", [&](auto& cert, auto& key) { write(cert, key, leaf_made(std::time(nullptr) + day)); }, "cert",
       "not valid before 20", "clock"},
      {"weak RSA", [](auto& cert, auto& key) { write(cert, key, rsa_pair(1024)); }, "cert", "RSA key of 1024 bits",
       "2048 bits"},
      {"encrypted key", [](auto&, auto& key) { write(key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMII=\n"); }, "key",
       "encrypted with a passphrase", "openssl pkey"},
      {"older encrypted key",
       [](auto&, auto& key) { write(key, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"); }, "key",
       "encrypted with a passphrase", "openssl pkey"},
      {"huge file", [](auto& cert, auto&) { write(cert, std::string(5 << 20, 'x')); }, "cert", "larger than 4 MiB",
       "PEM"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string_view(row.name));
    const TemporaryDirectory directory;
    const fs::path cert = directory.path() / "site.pem", key = directory.path() / "site.key";
    write(cert, key, leaf_made(std::time(nullptr)));
    REQUIRE(start(cert, key) == "");
    row.break_it(cert, key);
    const std::string line = start(cert, key);
    CAPTURE(line);
    CHECK(contains(line, (std::string_view(row.file) == "cert" ? cert : key).string()));
    CHECK(contains(line, row.problem));
    CHECK(contains(line, row.remedy));
    CHECK_FALSE(contains(line, "\n"));
  }
}

TEST_CASE("a key that the server's user may not read is named with that user") {
  const TestCertificates certificates;
  ::chmod(certificates.key().c_str(), 0);
  ::chmod(certificates.directory().c_str(), 0755);
  const bool is_root = ::geteuid() == 0;  // root reads everything: be somebody else for a moment
  if (is_root) REQUIRE(::seteuid(65534) == 0);
  const std::string line = start(certificates.cert(), certificates.key());
  if (is_root) REQUIRE(::seteuid(0) == 0);
  CHECK(contains(line, "key " + certificates.key().string() + ": permission denied: make it readable by the user"));
}

TEST_CASE("a chain is read in its order, with text between its certificates") {
  const std::time_t now = std::time(nullptr);
  const certs::Issued authority = certs::make_authority(now);
  const certs::Issued leaf = certs::make_leaf(authority, {"localhost"}, now);
  const TemporaryDirectory directory;
  const fs::path cert = directory.path() / "site.pem", key = directory.path() / "site.key";
  write(cert, "subject=leaf\n" + certs::pem_text(leaf.certificate.get()) + "\nsubject=issuer\n" +
                  certs::pem_text(authority.certificate.get()));
  write(key, certs::pem_text(leaf.key.get()));
  const proto::Credentials credentials = proto::read_credentials(cert, key, now);
  CHECK(X509_cmp(credentials.leaf.get(), leaf.certificate.get()) == 0);
  REQUIRE(credentials.chain.size() == 1);
  CHECK(X509_cmp(credentials.chain[0].get(), authority.certificate.get()) == 0);
  CHECK(start(cert, key) == "");
}

TEST_CASE("an RSA certificate of 2048 bits is served") {
  const TemporaryDirectory directory;
  const fs::path cert = directory.path() / "site.pem", key = directory.path() / "site.key";
  write(cert, key, rsa_pair(2048));
  CHECK(start(cert, key) == "");
}

TEST_CASE("a client names the CA file that it cannot use") {
  CHECK_THROWS_WITH(
      (void)proto::TlsContext::client({.ca = "/nonexistent/ca.pem"}),
      "CA /nonexistent/ca.pem: no such file: correct the path, or make a development certificate with `sluice certs`");
}

}  // namespace
}  // namespace sluice::tests
