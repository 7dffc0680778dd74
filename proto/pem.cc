#include "proto/pem.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <new>
#include <string>

namespace sluice::proto {
namespace {

// A bundle of all public roots is 0.2 MB; whoever names a log file or a disk by mistake gets an answer, not a wait.
constexpr std::size_t file_size_max = 4 << 20;
constexpr int rsa_bits_min = 2048;  // Mozilla intermediate; browsers refuse less

[[noreturn]] void refuse(std::string_view role, const std::filesystem::path& file, std::string_view problem,
                         std::string_view remedy) {
  std::string line(role);
  line.append(" ").append(file.string()).append(": ").append(problem).append(": ").append(remedy);
  throw PemError(role, line);
}

struct Descriptor {
  int value;
  ~Descriptor() {
    if (value >= 0) ::close(value);
  }
};

std::string read_text(const std::filesystem::path& file, std::string_view role) {
  const auto refuse_errno = [&](int code) {
    if (code == ENOENT)
      refuse(role, file, "no such file", "correct the path, or make a development certificate with `sluice certs`");
    if (code == EACCES || code == EPERM)
      refuse(role, file, "permission denied",
             "make it readable by the user that sluice runs as (uid " + std::to_string(::geteuid()) + ")");
    refuse(role, file, std::strerror(code), "correct the path");
  };
  const Descriptor descriptor{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};  // a FIFO does not hold us up
  if (descriptor.value < 0) refuse_errno(errno);
  struct stat status {};
  if (::fstat(descriptor.value, &status) != 0) refuse_errno(errno);
  if (!S_ISREG(status.st_mode)) refuse(role, file, "not a regular file", "name a PEM file");
  std::string text;
  std::array<char, 16384> piece;
  for (;;) {
    const ssize_t count = ::read(descriptor.value, piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse_errno(errno);
    if (count == 0) break;
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > file_size_max) refuse(role, file, "larger than 4 MiB", "name a PEM file");
  }
  if (text.empty()) refuse(role, file, "empty file", "write the PEM text into it");
  return text;
}

BioHandle bio_over(const std::string& text) {
  BioHandle bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  if (!bio) throw std::bad_alloc();
  return bio;
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

bool is_pair(const X509* certificate, const EVP_PKEY* key) {
  const EVP_PKEY* certified = X509_get0_pubkey(certificate);
  return certified != nullptr && EVP_PKEY_eq(certified, key) == 1;
}

}  // namespace

std::vector<CertificateHandle> read_certificates(const std::filesystem::path& file, std::string_view role) {
  const std::string text = read_text(file, role);
  const BioHandle bio = bio_over(text);
  std::vector<CertificateHandle> certificates;
  ERR_clear_error();
  while (CertificateHandle certificate{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)})
    certificates.push_back(std::move(certificate));
  const unsigned long code = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
  const std::string reason = take_openssl_error();
  if (!at_end)
    refuse(role, file, "certificate " + std::to_string(certificates.size() + 1) + " is broken (" + reason + ")",
           "copy the whole PEM block, from BEGIN to END");
  if (certificates.empty())
    refuse(role, file, "no PEM certificate in it",
           contains(text, "PRIVATE KEY-----") ? "this is a private key; name the certificate's file here"
                                              : "convert it: openssl x509 -inform DER -in FILE -out FILE.pem");
  return certificates;
}

KeyHandle read_private_key(const std::filesystem::path& file) {
  constexpr std::string_view role = "key";
  const std::string text = read_text(file, role);
  if (contains(text, "ENCRYPTED"))  // PKCS #8 says it in its BEGIN line, the older form in Proc-Type
    refuse(role, file, "encrypted with a passphrase",
           "sluice starts unattended; store it decrypted (openssl pkey -in FILE -out FILE.plain, mode 0600)");
  if (!contains(text, "PRIVATE KEY-----"))
    refuse(role, file, "no PEM private key in it",
           contains(text, "BEGIN CERTIFICATE") ? "this is a certificate; name the key's file here"
                                               : "convert it: openssl pkey -inform DER -in FILE -out FILE.pem");
  const BioHandle bio = bio_over(text);
  ERR_clear_error();
  KeyHandle key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  if (!key) refuse(role, file, "broken (" + take_openssl_error() + ")", "copy the whole PEM block, from BEGIN to END");
  return key;
}

Credentials read_credentials(const std::filesystem::path& certificate, const std::filesystem::path& key,
                             std::time_t now) {
  std::vector<CertificateHandle> certificates = read_certificates(certificate, "certificate");
  Credentials credentials;
  credentials.key = read_private_key(key);
  if (!is_pair(certificates.front().get(), credentials.key.get())) {
    for (const CertificateHandle& other : certificates)
      if (is_pair(other.get(), credentials.key.get()))
        refuse("certificate", certificate, "the key's certificate is not the first",
               "put the leaf first, then the intermediates");
    refuse("key", key, "belongs to another certificate than " + certificate.string(),
           "name the key that this certificate was made with");
  }
  credentials.leaf = std::move(certificates.front());
  credentials.chain.assign(std::make_move_iterator(certificates.begin() + 1),
                           std::make_move_iterator(certificates.end()));

  const ASN1_TIME* from = X509_get0_notBefore(credentials.leaf.get());
  const ASN1_TIME* until = X509_get0_notAfter(credentials.leaf.get());
  if (X509_cmp_time(until, &now) < 0) refuse("certificate", certificate, "expired at " + utc_text(until), "renew it");
  if (X509_cmp_time(from, &now) > 0)
    refuse("certificate", certificate, "not valid before " + utc_text(from), "check the clock of this machine");
  if (EVP_PKEY_is_a(credentials.key.get(), "RSA") == 1 && EVP_PKEY_get_bits(credentials.key.get()) < rsa_bits_min)
    refuse("certificate", certificate,
           "RSA key of " + std::to_string(EVP_PKEY_get_bits(credentials.key.get())) + " bits",
           "clients refuse it; use P-256, or RSA with 2048 bits or more");
  return credentials;
}

std::string utc_text(const ASN1_TIME* time) {
  std::tm moment{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &moment) != 1) return "an unreadable time";
  std::array<char, 32> text;
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &moment)};
}

}  // namespace sluice::proto
