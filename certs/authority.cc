#include "certs/authority.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <stdexcept>
#include <string_view>

namespace sluice::certs {
namespace {

using proto::BioHandle;
using proto::CertificateHandle;
using proto::KeyHandle;
using proto::OpensslDeleter;

// Validity begins in the past: a container or a phone whose clock is a little slow still accepts a fresh certificate.
constexpr long backdated_seconds = 3600;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("certificate: cannot ") + what + ": " + proto::take_openssl_error());
}

CertificateHandle new_certificate(EVP_PKEY* key, std::time_t now, int days) {
  ERR_clear_error();
  CertificateHandle certificate(X509_new());
  require(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1, "begin");
  // 127 random bits: browsers refuse two certificates of one issuer with the same number.
  std::unique_ptr<BIGNUM, OpensslDeleter<BN_free>> serial(BN_new());
  require(serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate.get())) != nullptr,
          "draw a serial number");
  std::time_t from = now - backdated_seconds;
  require(X509_time_adj_ex(X509_getm_notBefore(certificate.get()), 0, 0, &from) != nullptr &&
              X509_time_adj_ex(X509_getm_notAfter(certificate.get()), days, 0, &from) != nullptr &&
              X509_set_pubkey(certificate.get(), key) == 1,
          "set validity and key");
  return certificate;
}

void set_subject(X509* certificate, const std::string& name) {
  const auto add = [&](const char* field, const std::string& value) {
    require(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), field, MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(value.c_str()), -1, -1, 0) == 1,
            "set the subject");
  };
  add("O", "sluice development");
  add("CN", name);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, OpensslDeleter<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  require(extension && X509_add_ext(certificate, extension.get(), -1) == 1, "add an extension");
}

void sign(X509* certificate, const X509* issuer, EVP_PKEY* issuer_key) {
  require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
              X509_sign(certificate, issuer_key, EVP_sha256()) != 0,
          "sign");
}

KeyHandle new_key() {
  ERR_clear_error();
  KeyHandle key(EVP_EC_gen("P-256"));
  require(key != nullptr, "make a key");
  return key;
}

// The bytes of an IPv4 or IPv6 address, or none.
std::string address_bytes(const std::string& text) {
  std::array<char, 16> bytes;
  if (::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

std::string address_text(std::string_view bytes) {
  std::array<char, INET6_ADDRSTRLEN> text;
  if (bytes.size() != 4 && bytes.size() != 16) return {};
  return ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
}

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

// "sluice development CA 5f1c09ab": a number of its own, since a browser's list may hold several.
std::string authority_name(const X509* certificate) {
  const std::string_view serial = bytes_of(X509_get0_serialNumber(certificate));
  std::string name = "sluice development CA ";
  for (const char byte : serial.substr(0, 4)) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto value = static_cast<std::uint8_t>(byte);
    name.append({digits[value >> 4], digits[value & 15]});
  }
  return name;
}

std::string take_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Issued make_authority(std::time_t now) {
  KeyHandle key = new_key();
  CertificateHandle certificate = new_certificate(key.get(), now, authority_days);
  set_subject(certificate.get(), authority_name(certificate.get()));
  add_extension(certificate.get(), certificate.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0");
  add_extension(certificate.get(), certificate.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  add_extension(certificate.get(), certificate.get(), NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), certificate.get(), NID_authority_key_identifier, "keyid:always");
  sign(certificate.get(), certificate.get(), key.get());
  return {std::move(certificate), std::move(key)};
}

Issued make_leaf(const Issued& authority, const std::vector<std::string>& names, std::time_t now, int days) {
  std::string alternatives;
  for (const std::string& name : names) {
    const std::string canonical = canonical_name(name);
    alternatives.append(alternatives.empty() ? "" : ",").append(address_bytes(canonical).empty() ? "DNS:" : "IP:");
    alternatives.append(canonical);
  }
  if (alternatives.empty()) throw std::runtime_error("certificate: no name to certify");

  KeyHandle key = new_key();
  CertificateHandle certificate = new_certificate(key.get(), now, days);
  X509* issuer = authority.certificate.get();
  // RFC 5280: a common name has at most 64 characters; the names that count are the alternatives.
  set_subject(certificate.get(), names.front().size() <= 64 ? names.front() : "sluice server");
  add_extension(certificate.get(), issuer, NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), issuer, NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), issuer, NID_ext_key_usage, "serverAuth");
  add_extension(certificate.get(), issuer, NID_subject_key_identifier, "hash");
  add_extension(certificate.get(), issuer, NID_authority_key_identifier, "keyid:always");
  add_extension(certificate.get(), issuer, NID_subject_alt_name, alternatives);
  sign(certificate.get(), issuer, authority.key.get());
  return {std::move(certificate), std::move(key)};
}

std::vector<std::string> names_of(const X509* certificate) {
  struct Free {
    void operator()(GENERAL_NAMES* names) const noexcept { GENERAL_NAMES_free(names); }
  };
  const std::unique_ptr<GENERAL_NAMES, Free> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::vector<std::string> names;
  for (int index = 0; index < sk_GENERAL_NAME_num(alternatives.get()); ++index) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), index);
    if (name->type == GEN_DNS) names.emplace_back(bytes_of(name->d.dNSName));
    if (name->type == GEN_IPADD) names.push_back(address_text(bytes_of(name->d.iPAddress)));
  }
  return names;
}

std::string canonical_name(const std::string& name) {
  if (const std::string bytes = address_bytes(name); !bytes.empty()) return address_text(bytes);
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::tolower(letter)); });
  const bool allowed = !lower.empty() && lower.size() <= 253 &&
                       lower.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-._*") == std::string::npos;
  const std::size_t star = lower.rfind('*');
  const bool star_leads = star == std::string::npos || (star == 0 && lower.starts_with("*."));
  if (!allowed || !star_leads || lower.front() == '.' || lower.front() == '-' || lower.find("..") != std::string::npos)
    throw std::runtime_error("name \"" + name +
                             "\": not a host name or address: give a name such as app.test, *.app.test or 192.0.2.7 "
                             "(international names in their xn-- form)");
  return lower;
}

std::string common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return {};
  return std::string(bytes_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))));
}

std::string pem_text(const X509* certificate) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  require(bio && PEM_write_bio_X509(bio.get(), certificate) == 1, "write PEM");
  return take_text(bio.get());
}

std::string pem_text(const EVP_PKEY* key) {
  const BioHandle bio(BIO_new(BIO_s_mem()));
  require(bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "write PEM");
  return take_text(bio.get());
}

}  // namespace sluice::certs
