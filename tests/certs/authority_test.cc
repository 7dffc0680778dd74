#include "certs/authority.h"

#include <doctest/doctest.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <string>
#include <vector>

namespace sluice::tests {
namespace {

constexpr std::time_t now = 1'795'000'000;

// Seconds from notBefore to notAfter.
long validity_seconds(const X509* certificate) {
  int days = 0, seconds = 0;
  REQUIRE(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(certificate), X509_get0_notAfter(certificate)) == 1);
  return days * 86400L + seconds;
}

std::string verify(const certs::Issued& authority, const certs::Issued& leaf, std::time_t moment) {
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, authority.certificate.get());
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, leaf.certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
  X509_STORE_CTX_set_time(context, 0, moment);
  X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
  X509_verify_cert(context);
  std::string result = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  return result;
}

TEST_CASE("a leaf is valid for exactly 397 days and a CA for ten years, from a little before now") {
  const certs::Issued authority = certs::make_authority(now);
  const certs::Issued leaf = certs::make_leaf(authority, {"localhost"}, now);
  CHECK(validity_seconds(leaf.certificate.get()) == 397L * 86400);
  CHECK(validity_seconds(authority.certificate.get()) == 3650L * 86400);
  CHECK(verify(authority, leaf, now) == "ok");
  CHECK(verify(authority, leaf, now - 600) == "ok");
  CHECK(verify(authority, leaf, now - 7200) == "certificate is not yet valid");
  CHECK(verify(authority, leaf, now + 398 * 86400L) == "certificate has expired");
}

TEST_CASE("a leaf is a server's: it signs nothing and no other CA vouches for it") {
  const certs::Issued authority = certs::make_authority(now);
  const certs::Issued other = certs::make_authority(now);
  const certs::Issued leaf = certs::make_leaf(authority, {"localhost"}, now);
  X509* certificate = leaf.certificate.get();
  CHECK(X509_check_ca(certificate) == 0);
  CHECK(X509_get_extended_key_usage(certificate) == XKU_SSL_SERVER);
  CHECK(X509_get_key_usage(certificate) == KU_DIGITAL_SIGNATURE);
  CHECK(X509_get0_subject_key_id(certificate) != nullptr);
  CHECK(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(certificate),
                              X509_get0_subject_key_id(authority.certificate.get())) == 0);
  CHECK(verify(other, leaf, now) == "unable to get local issuer certificate");

  CHECK(X509_check_ca(authority.certificate.get()) == 1);
  CHECK(X509_get_pathlen(authority.certificate.get()) == 0);
  CHECK(X509_get_key_usage(authority.certificate.get()) == (KU_KEY_CERT_SIGN | KU_CRL_SIGN));
}

TEST_CASE("names are kept in the spelling of certificates") {
  const certs::Issued authority = certs::make_authority(now);
  const std::vector<std::string> names = {"App.Test", "*.app.test", "192.0.2.7", "2001:DB8:0:0:0:0:0:1"};
  const certs::Issued leaf = certs::make_leaf(authority, names, now);
  CHECK(certs::names_of(leaf.certificate.get()) ==
        std::vector<std::string>{"app.test", "*.app.test", "192.0.2.7", "2001:db8::1"});
}

TEST_CASE("two authorities differ in name and number") {
  const certs::Issued one = certs::make_authority(now), two = certs::make_authority(now);
  CHECK(certs::common_name(one.certificate.get()) != certs::common_name(two.certificate.get()));
  CHECK(certs::common_name(one.certificate.get()).starts_with("sluice development CA "));
}

TEST_CASE("what is no name is refused, above all what would add another") {
  for (const char* name : {"", "a b", "a,DNS:evil.test", "a\nb", "a:b", "..", ".a", "a..b", "-a", "a*.test", "*", "a.*",
                           "*.*.test", "münchen.test", "a/b", "[::1]"}) {
    CAPTURE(name);
    CHECK_THROWS_AS((void)certs::canonical_name(name), std::runtime_error);
  }
  CHECK_THROWS((void)certs::make_leaf(certs::make_authority(now), {}, now));
}

}  // namespace
}  // namespace sluice::tests
