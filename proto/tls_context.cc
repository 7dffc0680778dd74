#include "proto/tls_context.h"

#include <openssl/rand.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>
#include <utility>
#include <vector>

#include "proto/check.h"
#include "proto/pem.h"

namespace sluice::proto {
namespace {

// Mozilla intermediate (5.7) without its DHE suites, whose handshake costs a server ten times an ECDHE one and which no
// client of the last decade needs. AES-128-GCM first: the cheapest record on any CPU with AES instructions.
constexpr const char* tls13_suites = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* tls12_suites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
// X25519 is the cheapest, P-256 what FIPS clients have. No P-384: 1 ms of server CPU for whoever asks for it.
constexpr const char* groups = "X25519:P-256";
// 112-bit strength: no RSA under 2048 bits, no SHA-1. Said here, because a distribution's openssl.cnf may say
// otherwise.
constexpr int security_level = 2;
constexpr long ticket_lifetime_seconds = 7200;
constexpr unsigned char session_id_context[] = "sluice";

std::string alpn_wire_format(std::string_view names) {
  std::string wire;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find(','));
    names.remove_prefix(name.size() == names.size() ? name.size() : name.size() + 1);
    check(!name.empty() && name.size() <= 255, "an ALPN name has 1 to 255 bytes (RFC 7301 §3.1)");
    wire.append(1, static_cast<char>(name.size())).append(name);
  }
  return wire;
}

const unsigned char* bytes_of(const std::string& text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// RFC 7301 §3.2: the server's order decides; no overlap is fatal. Not called for a client that sends no ALPN.
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned int offered_size, void* argument) noexcept {
  const auto& served = *static_cast<const std::string*>(argument);
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, bytes_of(served), static_cast<unsigned int>(served.size()), offered,
                            offered_size) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error("TLS: " + what + ": " + take_openssl_error());
}

SslContextHandle new_context(const SSL_METHOD* method) {
  ERR_clear_error();
  SslContextHandle context(SSL_CTX_new(method));
  if (!context) fail("no context");
  SSL_CTX* ctx = context.get();
  SSL_CTX_set_security_level(ctx, security_level);
  if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 || SSL_CTX_set_max_proto_version(ctx, 0) != 1 ||
      SSL_CTX_set_ciphersuites(ctx, tls13_suites) != 1 || SSL_CTX_set_cipher_list(ctx, tls12_suites) != 1 ||
      SSL_CTX_set1_groups_list(ctx, groups) != 1)
    fail("a suite or group is missing from this OpenSSL");
  SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection keeps no record buffer: 14 KB instead of 48, 330 MB less for 10,000 of them.
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  // Tickets are the only memory of a session, and it is the client's: a cache here would grow with every connection.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return context;
}

// Ten thousand connections to one server hold one parsed copy of each certificate that it sent, not 7 KB each: puts the
// copy that this thread has already in the place of each of `sent`, which is what the session keeps.
void share_certificates(STACK_OF(X509) * sent) {
  constexpr std::size_t kept_max = 16;
  thread_local std::vector<CertificateHandle> kept;
  for (int i = 0; i < sk_X509_num(sent); ++i) {
    X509* certificate = sk_X509_value(sent, i);
    const auto known = std::ranges::find_if(
        kept, [&](const CertificateHandle& each) { return X509_cmp(each.get(), certificate) == 0; });
    if (known == kept.end()) {
      if (kept.size() == kept_max) continue;
      X509_up_ref(certificate);
      kept.emplace_back(certificate);
    } else if (known->get() != certificate) {
      X509_up_ref(known->get());
      sk_X509_set(sent, i, known->get());
      X509_free(certificate);
    }
  }
}

void use_credentials(SSL_CTX* ctx, const TlsContext::ServerFiles& files) {
  const Credentials credentials = read_credentials(files.certificate, files.key, std::time(nullptr));
  ERR_clear_error();
  if (SSL_CTX_use_certificate(ctx, credentials.leaf.get()) != 1)
    fail("certificate " + files.certificate.string() + " cannot be served");
  if (SSL_CTX_use_PrivateKey(ctx, credentials.key.get()) != 1) fail("key " + files.key.string() + " cannot be used");
  for (const CertificateHandle& certificate : credentials.chain)
    if (SSL_CTX_add1_chain_cert(ctx, certificate.get()) != 1)
      fail("certificate " + files.certificate.string() + ": an intermediate cannot be served");
}

void trust(SSL_CTX* ctx, const std::optional<std::filesystem::path>& ca) {
  if (!ca) {
    if (SSL_CTX_set_default_verify_paths(ctx) != 1) fail("the system's certificate store cannot be read");
    return;
  }
  X509_STORE* store = SSL_CTX_get_cert_store(ctx);
  for (const CertificateHandle& certificate : read_certificates(*ca, "CA"))
    if (X509_STORE_add_cert(store, certificate.get()) != 1) fail("CA " + ca->string());
}

}  // namespace

TlsContext TlsContext::server(const ServerFiles& files, std::string_view alpn) {
  auto data = std::make_unique<Data>();
  data->context = new_context(TLS_server_method());
  data->is_server = true;
  data->alpn = alpn_wire_format(alpn);
  SSL_CTX* ctx = data->context.get();
  use_credentials(ctx, files);
  if (!alpn.empty()) SSL_CTX_set_alpn_select_cb(ctx, select_alpn, &data->alpn);
  SSL_CTX_set_session_id_context(ctx, session_id_context, sizeof session_id_context - 1);
  SSL_CTX_set_timeout(ctx, ticket_lifetime_seconds);
  SSL_CTX_set_num_tickets(ctx, 1);  // the default of two is for clients that open connections in parallel; we want one
  if (RAND_priv_bytes(data->ticket_keys.data(), static_cast<int>(data->ticket_keys.size())) != 1 ||
      SSL_CTX_set_tlsext_ticket_keys(ctx, data->ticket_keys.data(), data->ticket_keys.size()) != 1)
    fail("no ticket keys");
  return TlsContext(std::move(data));
}

TlsContext TlsContext::client(const ClientOptions& options) {
  auto data = std::make_unique<Data>();
  data->context = new_context(TLS_client_method());
  data->verify = options.verify;
  data->alpn = alpn_wire_format(options.alpn);
  SSL_CTX* ctx = data->context.get();
  SSL_CTX_set_verify(ctx, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(
      ctx,
      [](X509_STORE_CTX* store, void*) noexcept {
        const int valid = X509_verify_cert(store);
        X509_STORE_CTX_set0_verified_chain(store, nullptr);  // nobody asks for it, and it lasts as long as the session
        share_certificates(X509_STORE_CTX_get0_untrusted(store));
        return valid < 0 ? 0 : valid;
      },
      nullptr);
  if (options.verify) trust(ctx, options.ca);
  if (SSL_CTX_set_alpn_protos(ctx, bytes_of(data->alpn), static_cast<unsigned int>(data->alpn.size())) != 0)
    fail("ALPN " + options.alpn);
  return TlsContext(std::move(data));
}

bool TlsContext::offers(std::string_view protocol) const {
  for (std::string_view rest = data_->alpn; !rest.empty();) {
    const std::string_view name = rest.substr(1, static_cast<unsigned char>(rest.front()));
    if (name == protocol) return true;
    rest.remove_prefix(1 + name.size());
  }
  return false;
}

TlsContext::TlsContext(std::unique_ptr<Data> data) : data_(std::move(data)) {}
TlsContext::TlsContext(TlsContext&&) noexcept = default;
TlsContext& TlsContext::operator=(TlsContext&&) noexcept = default;
TlsContext::~TlsContext() = default;

}  // namespace sluice::proto
