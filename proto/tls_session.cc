#include <openssl/x509v3.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

#include "proto/check.h"
#include "proto/openssl.h"
#include "proto/tls.h"
#include "proto/tls_bio.h"
#include "proto/tls_context.h"

namespace sluice::proto {
namespace {

constexpr std::size_t record_plaintext_max = 16384;  // RFC 8446 §5.1
// Room for the plaintext of a small read: a buffer that only ever sees WINDOW_UPDATEs stays this small.
constexpr std::size_t read_chunk_min = 512;

// A KeyUpdate costs us twenty times its bytes' worth of an ordinary record, and asks for an answer of the same cost.
// Who changes keys as often as RFC 8446 §5.5 wants needs one in 24 million records.
constexpr int key_updates_max = 1000;

// Every TLS record begins with a content type of 20 to 24; what begins with a capital is a method or "HTTP/1.1 400".
bool looks_like_http(std::uint8_t first_byte) { return first_byte >= 'A' && first_byte <= 'Z'; }

SslHandle new_ssl(SSL_CTX* context, TlsWire& wire) {
  ERR_clear_error();
  SslHandle ssl(SSL_new(context));
  if (!ssl) throw std::bad_alloc();
  BIO* bio = new_tls_bio(wire);
  SSL_set_bio(ssl.get(), bio, bio);  // takes the one reference for both directions
  return ssl;
}

// The name to check: an address is matched against IP entries only and never sent as SNI (RFC 6066 §3).
void expect_host(SSL* ssl, const std::string& host, bool verify) {
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  const std::string name = bracketed ? host.substr(1, host.size() - 2) : host;
  ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.c_str());
  const bool is_address = address != nullptr;
  ASN1_OCTET_STRING_free(address);
  ERR_clear_error();
  if (name.empty() || name.size() > TLSEXT_MAXLEN_host_name || name.find('\0') != std::string::npos)
    throw std::invalid_argument("TLS: not a host name: \"" + host + "\"");
  if (!is_address && SSL_set_tlsext_host_name(ssl, name.c_str()) != 1) throw std::bad_alloc();
  if (!verify) return;
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const int set =
      is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str()) : SSL_set1_host(ssl, name.c_str());
  if (set != 1) throw std::bad_alloc();
}

}  // namespace

struct TlsSession::Data {
  TlsWire wire;
  SslHandle ssl;
  State state = State::handshaking;
  bool is_server;
  bool close_sent = false;
  int key_updates = 0;  // that the peer sent
  std::optional<std::uint8_t> first_byte;
  std::string host;
  std::string error;

  Data(SSL_CTX* context, CiphertextSink& sink, bool server)
      : wire{{}, &sink}, ssl(new_ssl(context, wire)), is_server(server) {
    SSL_set_msg_callback(ssl.get(), on_message);
    SSL_set_msg_callback_arg(ssl.get(), this);
  }

  static void on_message(int sent, int, int type, const void* message, std::size_t size, SSL*, void* self) noexcept {
    if (sent == 0 && type == SSL3_RT_HANDSHAKE && size > 0 &&
        *static_cast<const std::uint8_t*>(message) == SSL3_MT_KEY_UPDATE)
      ++static_cast<Data*>(self)->key_updates;
  }

  void handshake() {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl.get());
    if (result == 1)
      state = State::open;
    else
      stop(result);
  }

  // All records that are there. Room is taken as needed: what a record holds is known once it is opened.
  void read(ByteBuffer& plaintext) {
    while (state == State::open) {
      const int pending = SSL_pending(ssl.get());
      if (pending == 0 && wire.incoming.empty()) return;
      const std::size_t room = pending > 0 ? static_cast<std::size_t>(pending)
                                           : std::clamp(wire.incoming.size(), read_chunk_min, record_plaintext_max);
      const std::size_t size = plaintext.size();
      std::size_t count = 0;
      ERR_clear_error();
      const int result = SSL_read_ex(ssl.get(), plaintext.extend(room).data(), room, &count);
      plaintext.resize_down(size + count);
      if (key_updates > key_updates_max) return fail("too many key updates");
      if (result != 1 && !stop(result)) return;
    }
  }

  // After a call that did not succeed: true when the session has ended, false when it only wants more bytes.
  bool stop(int result) {
    const int code = SSL_get_error(ssl.get(), result);
    if (code == SSL_ERROR_WANT_READ) return false;
    if (code == SSL_ERROR_ZERO_RETURN) {
      state = State::closed_by_peer;
      return true;
    }
    fail(explain());
    return true;
  }

  void fail(std::string why) {
    error = std::move(why);
    state = State::failed;
    ERR_clear_error();
  }

  [[nodiscard]] std::string explain() const {
    if (state == State::handshaking && first_byte && looks_like_http(*first_byte))
      return is_server ? "plain HTTP on a TLS port" : "the peer speaks plain HTTP, not TLS";
    const int reason = ERR_GET_REASON(ERR_peek_error());
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL) {
      if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return std::string("certificate verify failed: ") +
               X509_verify_cert_error_string(SSL_get_verify_result(ssl.get())) + " (" + host + ")";
      if (reason == SSL_R_NO_APPLICATION_PROTOCOL) return "the peer offers no protocol that is served here (ALPN)";
      if (reason == SSL_R_UNSUPPORTED_PROTOCOL) return "the peer offers no TLS version from 1.2 on";
      if (reason > SSL_AD_REASON_OFFSET)
        return std::string("the peer refused: ") + SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET);
    }
    return take_openssl_error();
  }
};

TlsSession::TlsSession(const TlsContext& context, CiphertextSink& sink)
    : data_(std::make_unique<Data>(context.data_->context.get(), sink, true)) {
  check(context.data_->is_server, "a session without a host takes a server's context");
  SSL_set_accept_state(data_->ssl.get());
}

TlsSession::TlsSession(const TlsContext& context, CiphertextSink& sink, const std::string& host)
    : data_(std::make_unique<Data>(context.data_->context.get(), sink, false)) {
  check(!context.data_->is_server, "a session with a host takes a client's context");
  data_->host = host;
  expect_host(data_->ssl.get(), host, context.data_->verify);
  SSL_set_connect_state(data_->ssl.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::start() { data_->handshake(); }

TlsSession::State TlsSession::receive(std::span<const std::uint8_t> ciphertext, ByteBuffer& plaintext) {
  Data& data = *data_;
  if (!data.first_byte && !ciphertext.empty()) data.first_byte = ciphertext.front();
  data.wire.incoming = ciphertext;
  if (data.state == State::handshaking) data.handshake();
  data.read(plaintext);
  data.wire.incoming = {};
  return data.state;
}

void TlsSession::send(std::span<const std::uint8_t> plaintext) {
  Data& data = *data_;
  check(data.state != State::handshaking, "nothing is sent before the handshake is over");
  if (data.state == State::failed || data.close_sent) return;
  while (!plaintext.empty()) {
    const std::span<const std::uint8_t> piece = plaintext.first(std::min(plaintext.size(), record_plaintext_max));
    std::size_t count = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(data.ssl.get(), piece.data(), piece.size(), &count);
    if (result != 1) {
      // The sink never blocks, so only a peer that split a KeyUpdate over two records makes a write wait for a read.
      // Nobody does that by accident, and what waits here would be a queue: the session ends.
      if (!data.stop(result)) data.fail("the peer split a handshake message over records");
      return;
    }
    check(count == piece.size(), "a record is sealed whole");
    plaintext = plaintext.subspan(count);
  }
}

void TlsSession::close() {
  Data& data = *data_;
  if (data.close_sent || (data.state != State::open && data.state != State::closed_by_peer)) return;
  data.close_sent = true;
  ERR_clear_error();
  SSL_shutdown(data.ssl.get());
  ERR_clear_error();
}

TlsSession::State TlsSession::state() const { return data_->state; }
const std::string& TlsSession::error() const { return data_->error; }

std::string_view TlsSession::alpn() const {
  const unsigned char* name = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(data_->ssl.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsSession::version() const { return SSL_get_version(data_->ssl.get()); }
bool TlsSession::resumed() const { return SSL_session_reused(data_->ssl.get()) == 1; }

}  // namespace sluice::proto
