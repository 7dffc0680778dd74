#include "gateway/client/client_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

#include "proto/check.h"

namespace sluice::client {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using proto::TlsSession;

ClientConnection::ClientConnection(asio::io_context& loop, ConnectionBuffers& buffers, const proto::TlsContext& tls,
                                   Options options)
    : loop_(loop),
      buffers_(buffers),
      context_(tls),
      options_(std::move(options)),
      resolver_(loop),
      socket_(loop),
      deadline_(loop) {}

ClientConnection::~ClientConnection() {
  check(operations_ == 0 || loop_.stopped(), "a connection outlives its operations");
}

// --- What its owner asks for
// ------------------------------------------------------------------------------------------

proto::StreamId ClientConnection::request(const proto::Request& head, proto::ResponseVisitor& response,
                                          std::string body) {
  if (state_ == State::idle) connect();
  const proto::StreamId id = http2_->request(head, response, std::move(body));
  schedule_turn();
  return id;
}

void ClientConnection::reset(proto::StreamId id) {
  if (!http2_) return;
  http2_->reset(id, proto::ErrorCode::cancel);
  schedule_turn();
}

void ClientConnection::pause(proto::StreamId id) {
  if (http2_) http2_->pause(id);
}

void ClientConnection::resume(proto::StreamId id) {
  if (!http2_) return;
  http2_->resume(id);
  schedule_turn();
}

void ClientConnection::close() {
  if (state_ == State::idle) return;
  closing_ = true;
  schedule_turn();
}

// --- Connecting
// -------------------------------------------------------------------------------------------------------

void ClientConnection::connect() {
  error_.clear();
  hopeless_ = goaway_ = closing_ = false;
  state_ = State::connecting;
  proto::Http2ClientVisitor& visitor = *this;
  http2_ = std::make_unique<proto::Http2Client>(options_.http2, visitor);  // requests wait in it until it is open
  deadline_.expires_after(options_.connect_timeout);
  deadline_.async_wait(bound(&ClientConnection::on_deadline));

  error_code not_literal;
  const auto address = asio::ip::make_address(options_.host, not_literal);
  if (!not_literal) {
    socket_.async_connect({address, options_.port}, bound(&ClientConnection::on_connected));
    return;
  }
  ++operations_;
  resolver_.async_resolve(options_.host, std::to_string(options_.port),
                          [this, epoch = epoch_](const error_code& error, const tcp::resolver::results_type& found) {
                            --operations_;
                            if (epoch != epoch_) return;
                            if (error) return end("no such host: " + options_.host + " (" + error.message() + ")");
                            asio::async_connect(socket_, found, bound(&ClientConnection::on_connected));
                          });
}

void ClientConnection::on_connected(const error_code& error) {
  if (error == asio::error::connection_refused)
    return end("connection refused by " + peer_name() + ": is the gateway running?");
  if (error) return end("cannot connect to " + peer_name() + ": " + error.message());
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  state_ = State::handshaking;
  proto::CiphertextSink& sink = *this;
  tls_ = std::make_unique<TlsSession>(context_, sink, options_.host);
  tls_->start();
  wait_readable();
}

// True when the handshake has just ended well; false when it goes on, or has ended the connection.
bool ClientConnection::finish_handshake() {
  if (tls_->state() != TlsSession::State::open) return false;
  if (tls_->alpn() != "h2") {
    hopeless_ = true;
    end(peer_name() + " does not speak HTTP/2: it did not choose h2 (ALPN)");
    return false;
  }
  state_ = State::open;
  deadline_.cancel();
  return true;
}

void ClientConnection::on_deadline(const error_code& error) {
  if (error || state_ == State::open) return;
  end((state_ == State::connecting ? "no answer from " : "no end of the TLS handshake with ") + peer_name() +
      " within " + std::to_string(options_.connect_timeout.count()) + " ms");
}

// --- Bytes
// ------------------------------------------------------------------------------------------------------------

// Waiting for readiness instead of reading into a buffer: an idle connection then holds none.
void ClientConnection::wait_readable() {
  socket_.async_wait(tcp::socket::wait_read, bound(&ClientConnection::on_readable));
}

void ClientConnection::on_readable(const error_code& error) {
  error_code failure = error;
  const std::size_t count = failure ? 0 : socket_.read_some(asio::buffer(buffers_.ciphertext), failure);
  if (failure == asio::error::would_block) return wait_readable();
  if (failure == asio::error::eof)
    return end(goaway_ || stream_count() == 0 ? "" : "the connection was closed by " + peer_name());
  if (failure) return end("the connection to " + peer_name() + " was lost: " + failure.message());

  buffers_.plaintext.clear();
  const TlsSession::State tls = tls_->receive({buffers_.ciphertext.data(), count}, buffers_.plaintext);
  const std::uint64_t epoch = epoch_;
  if (state_ == State::handshaking && finish_handshake()) flush();
  if (epoch != epoch_) return;
  if (!buffers_.plaintext.empty()) {
    http2_->receive(buffers_.plaintext.bytes());
    flush();
    if (epoch != epoch_) return;
  }
  if (tls == TlsSession::State::failed) {
    hopeless_ = state_ == State::handshaking;
    return end(explain_tls());
  }
  if (tls == TlsSession::State::closed_by_peer)
    return end(goaway_ || stream_count() == 0 ? "" : "the connection was closed by " + peer_name());
  wait_readable();
}

// Seals what is queued, unless the socket is full: then on_writable() goes on.
void ClientConnection::flush() {
  if (state_ != State::open || !unsent_.empty()) return;
  buffers_.frames.clear();
  http2_->flush(buffers_.frames);
  if (!buffers_.frames.empty()) tls_->send(buffers_.frames.bytes());
  if (http2_->error()) return end(peer_name() + " broke HTTP/2: " + http2_->error()->reason);
  if (http2_->finished() || (goaway_ && http2_->stream_count() == 0)) {
    tls_->close();
    end("");
  }
}

void ClientConnection::on_ciphertext(std::span<const std::uint8_t> bytes) {
  std::size_t sent = 0;
  if (unsent_.empty()) {
    error_code error;  // a lost connection is seen by the next read
    sent = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
    if (error && error != asio::error::would_block) return;
  }
  if (sent == bytes.size()) return;
  unsent_.append(bytes.subspan(sent));
  if (write_waiting_) return;
  write_waiting_ = true;
  socket_.async_wait(tcp::socket::wait_write, bound(&ClientConnection::on_writable));
}

void ClientConnection::on_writable(const error_code& error) {
  write_waiting_ = false;
  if (error) return;
  ByteBuffer rest = std::exchange(unsent_, {});
  on_ciphertext(rest.bytes());
  flush();
}

// --- Turns and ends
// ---------------------------------------------------------------------------------------------------

void ClientConnection::schedule_turn() {
  if (turn_scheduled_) return;
  turn_scheduled_ = true;
  ++operations_;
  asio::post(loop_, [this] {
    --operations_;
    turn_scheduled_ = false;
    take_turn();
  });
}

void ClientConnection::take_turn() {
  if (state_ == State::idle) return;
  if (closing_ && state_ == State::open) http2_->goaway(proto::ErrorCode::no_error);
  const std::uint64_t epoch = epoch_;
  flush();
  if (!closing_ || epoch != epoch_) return;
  if (state_ == State::open) tls_->close();
  end("");
}

void ClientConnection::on_goaway(proto::StreamId, std::uint32_t) { goaway_ = true; }

void ClientConnection::end(std::string why) {
  ++epoch_;
  state_ = State::idle;
  error_ = std::move(why);
  write_waiting_ = false;
  unsent_.release();
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  deadline_.cancel();
  tls_.reset();
  // Its streams hear on_close now, and may ask for a new connection while this one goes.
  const auto gone = std::exchange(http2_, nullptr);
}

std::string ClientConnection::peer_name() const { return options_.host + ":" + std::to_string(options_.port); }

std::string ClientConnection::explain_tls() const {
  if (tls_->error().starts_with("certificate verify failed"))
    return "the certificate of " + peer_name() + " is not trusted (" + tls_->error() +
           "): pass --cacert FILE, or --insecure for an experiment";
  return "TLS with " + peer_name() + " failed: " + tls_->error();
}

}  // namespace sluice::client
