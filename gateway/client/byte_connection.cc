#include "gateway/client/byte_connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <stdexcept>
#include <utility>

#include "proto/check.h"

namespace sluice::client {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using proto::TlsSession;

class ByteConnection::Link final : public std::enable_shared_from_this<Link>, private proto::CiphertextSink {
 public:
  Link(asio::io_context& loop, ReadBuffers& buffers, ByteVisitor& visitor, Peer peer)
      : loop_(loop),
        buffers_(buffers),
        visitor_(visitor),
        peer_(std::move(peer)),
        resolver_(loop),
        socket_(loop),
        deadline_(loop) {}

  void start();
  void send(std::span<const std::uint8_t> bytes);
  void close();
  void pause() { paused_ = true; }
  void resume() {
    paused_ = false;
    if (state_ == State::handshaking || state_ == State::open) wait_readable();
  }

  [[nodiscard]] bool open() const { return state_ == State::open; }
  [[nodiscard]] std::size_t unsent_size() const { return unsent_.size() - sent_; }
  [[nodiscard]] std::string_view alpn() const { return tls_ ? tls_->alpn() : std::string_view(); }

 private:
  enum class State : std::uint8_t { connecting, handshaking, open, over };

  // A completion handler that keeps the link alive, and is dropped when the link is over.
  template <class Method>
  auto bound(Method method) {
    return [self = shared_from_this(), method](const error_code& error, auto&&...) {
      if (self->state_ != State::over) (self.get()->*method)(error);
    };
  }

  void on_resolved(const error_code& error, const tcp::resolver::results_type& found);
  void on_connected(const error_code& error);
  void on_readable(const error_code& error);
  void on_end();
  void on_writable(const error_code& error);
  void on_deadline(const error_code& error);
  void on_ciphertext(std::span<const std::uint8_t> bytes) override { write(bytes); }

  void begin_handshake();
  void become_open();
  void take_ciphertext(std::span<const std::uint8_t> bytes);
  void wait_readable();
  void write(std::span<const std::uint8_t> bytes);
  void fail_tls();
  void release();
  void finish(CloseReason why, const std::string& text);
  [[nodiscard]] bool held() const { return paused_ && state_ == State::open; }  // a handshake goes on
  [[nodiscard]] std::string name() const;

  asio::io_context& loop_;
  ReadBuffers& buffers_;
  ByteVisitor& visitor_;
  const Peer peer_;
  tcp::resolver resolver_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  std::unique_ptr<TlsSession> tls_;
  ByteBuffer unsent_;     // what the socket did not take
  std::size_t sent_ = 0;  // of it
  error_code write_failure_;
  State state_ = State::connecting;
  bool paused_ = false, awaits_readable_ = false, awaits_writable_ = false;
};

// --- Connecting ----------------------------------------------------------------------------------------------------

void ByteConnection::Link::start() {
  deadline_.expires_after(peer_.timeout);
  deadline_.async_wait(bound(&Link::on_deadline));
  error_code not_literal;
  const auto address = asio::ip::make_address(peer_.host, not_literal);
  if (!not_literal) return socket_.async_connect({address, peer_.port}, bound(&Link::on_connected));
  resolver_.async_resolve(peer_.host, std::to_string(peer_.port), tcp::resolver::numeric_service,
                          [self = shared_from_this()](const error_code& error, const auto& found) {
                            if (self->state_ != State::over) self->on_resolved(error, found);
                          });
}

void ByteConnection::Link::on_resolved(const error_code& error, const tcp::resolver::results_type& found) {
  if (error) return finish(CloseReason::no_such_host, "no such host: " + peer_.host + " (" + error.message() + ")");
  asio::async_connect(socket_, found, bound(&Link::on_connected));
}

void ByteConnection::Link::on_connected(const error_code& error) {
  if (error == asio::error::connection_refused) return finish(CloseReason::refused, "connection refused by " + name());
  if (error == asio::error::timed_out) return finish(CloseReason::timed_out, "no answer from " + name());
  if (error) return finish(CloseReason::unreachable, "cannot connect to " + name() + ": " + error.message());
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (peer_.tls != nullptr) return begin_handshake();
  become_open();
  if (state_ == State::open) wait_readable();
}

void ByteConnection::Link::begin_handshake() {
  state_ = State::handshaking;
  proto::CiphertextSink& sink = *this;
  try {
    tls_ = std::make_unique<TlsSession>(*peer_.tls, sink, peer_.server_name.empty() ? peer_.host : peer_.server_name);
  } catch (const std::invalid_argument& error) {
    return finish(CloseReason::tls_failed, error.what());
  }
  tls_->start();
  wait_readable();
}

void ByteConnection::Link::become_open() {
  state_ = State::open;
  deadline_.cancel();
  visitor_.on_open();
}

void ByteConnection::Link::on_deadline(const error_code& error) {
  if (error || state_ == State::open) return;
  const std::string within = name() + " within " + std::to_string(peer_.timeout.count()) + " ms";
  if (state_ == State::connecting) return finish(CloseReason::timed_out, "no answer from " + within);
  finish(CloseReason::tls_timed_out, "no end of the TLS handshake with " + within);
}

// --- Reading -------------------------------------------------------------------------------------------------------

// Waiting for readiness instead of reading into a buffer: an idle connection then holds none.
void ByteConnection::Link::wait_readable() {
  if (held() || awaits_readable_) return;
  awaits_readable_ = true;
  socket_.async_wait(tcp::socket::wait_read, bound(&Link::on_readable));
}

void ByteConnection::Link::on_readable(const error_code& error) {
  awaits_readable_ = false;
  if (held()) return;
  error_code failure = error;
  const std::size_t count = failure ? 0 : socket_.read_some(asio::buffer(buffers_.wire), failure);
  if (failure == asio::error::would_block) return wait_readable();
  if (failure == asio::error::eof && write_failure_) failure = write_failure_;  // reported once, and a write had it
  if (failure == asio::error::eof) return on_end();
  if (failure) return finish(CloseReason::lost, "the connection to " + name() + " was lost: " + failure.message());
  const std::span<const std::uint8_t> bytes(buffers_.wire.data(), count);
  if (tls_)
    take_ciphertext(bytes);
  else
    visitor_.on_bytes(bytes);
  if (state_ != State::over) wait_readable();
}

void ByteConnection::Link::on_end() {
  if (state_ == State::open) return finish(CloseReason::ended, "the connection was closed by " + name());
  finish(CloseReason::tls_failed, name() + " closed the connection in the TLS handshake");
}

void ByteConnection::Link::take_ciphertext(std::span<const std::uint8_t> bytes) {
  buffers_.plaintext.clear();
  const TlsSession::State tls = tls_->receive(bytes, buffers_.plaintext);
  if (state_ == State::handshaking && tls_->state() == TlsSession::State::open) become_open();
  if (state_ == State::open && !buffers_.plaintext.empty()) visitor_.on_bytes(buffers_.plaintext.bytes());
  if (state_ == State::over) return;
  if (tls == TlsSession::State::failed) return fail_tls();
  if (tls == TlsSession::State::closed_by_peer) on_end();
}

void ByteConnection::Link::fail_tls() {
  if (tls_->error().starts_with("certificate verify failed"))
    return finish(CloseReason::not_trusted, "the certificate of " + name() + " is not trusted (" + tls_->error() + ")");
  finish(CloseReason::tls_failed, "TLS with " + name() + " failed: " + tls_->error());
}

// --- Writing -------------------------------------------------------------------------------------------------------

void ByteConnection::Link::send(std::span<const std::uint8_t> bytes) {
  check(state_ == State::open, "bytes are sent on an open connection");
  if (!tls_) return write(bytes);
  tls_->send(bytes);
  if (tls_->state() != TlsSession::State::failed) return;
  asio::post(loop_, [self = shared_from_this()] {  // not from inside send()
    if (self->state_ != State::over) self->fail_tls();
  });
}

void ByteConnection::Link::write(std::span<const std::uint8_t> bytes) {
  if (unsent_.empty()) {
    error_code error;
    const std::size_t count = socket_.write_some(asio::buffer(bytes.data(), bytes.size()), error);
    // The next read tells of a lost connection, and first gives what the peer said before it went.
    if (error && error != asio::error::would_block) {
      write_failure_ = error;
      return;
    }
    bytes = bytes.subspan(error ? 0 : count);
    if (bytes.empty()) return;
  }
  if (sent_ > unsent_.size() / 2) unsent_.consume(std::exchange(sent_, 0));
  unsent_.append(bytes);
  if (awaits_writable_) return;
  awaits_writable_ = true;
  socket_.async_wait(tcp::socket::wait_write, bound(&Link::on_writable));
}

void ByteConnection::Link::on_writable(const error_code& error) {
  awaits_writable_ = false;
  if (error) return;
  error_code failure;
  const std::span<const std::uint8_t> rest = unsent_.bytes().subspan(sent_);
  const std::size_t count = socket_.write_some(asio::buffer(rest.data(), rest.size()), failure);
  if (failure && failure != asio::error::would_block) {
    write_failure_ = failure;
    return;
  }
  sent_ += failure ? 0 : count;
  if (sent_ < unsent_.size()) {
    awaits_writable_ = true;
    return socket_.async_wait(tcp::socket::wait_write, bound(&Link::on_writable));
  }
  unsent_.release();
  sent_ = 0;
  if (state_ == State::open) visitor_.on_drained();
}

// --- Ends ----------------------------------------------------------------------------------------------------------

void ByteConnection::Link::close() {
  if (state_ == State::open && tls_) tls_->close();
  release();
}

void ByteConnection::Link::release() {
  state_ = State::over;
  error_code ignored;
  socket_.close(ignored);
  resolver_.cancel();
  deadline_.cancel();
  unsent_.release();
  sent_ = 0;
}

void ByteConnection::Link::finish(CloseReason why, const std::string& text) {
  release();
  visitor_.on_closed(why, text);
}

std::string ByteConnection::Link::name() const {
  const bool bracketed = peer_.host.find(':') != std::string::npos;
  return (bracketed ? "[" + peer_.host + "]" : peer_.host) + ":" + std::to_string(peer_.port);
}

// --- The connection ------------------------------------------------------------------------------------------------

ByteConnection::ByteConnection(asio::io_context& loop, ReadBuffers& buffers, ByteVisitor& visitor)
    : loop_(loop), buffers_(buffers), visitor_(visitor) {}

ByteConnection::~ByteConnection() { close(); }

void ByteConnection::connect(Peer peer) {
  close();
  link_ = std::make_shared<Link>(loop_, buffers_, visitor_, std::move(peer));
  link_->start();
}

void ByteConnection::send(std::span<const std::uint8_t> bytes) {
  check(link_ != nullptr, "bytes are sent on a connection");
  link_->send(bytes);
}

void ByteConnection::pause_reading() {
  if (link_) link_->pause();
}

void ByteConnection::resume_reading() {
  if (link_) link_->resume();
}

void ByteConnection::close() {
  if (const auto link = std::exchange(link_, nullptr)) link->close();
}

bool ByteConnection::open() const { return link_ && link_->open(); }
std::size_t ByteConnection::unsent_size() const { return link_ ? link_->unsent_size() : 0; }
std::string_view ByteConnection::alpn() const { return link_ ? link_->alpn() : std::string_view(); }

}  // namespace sluice::client
