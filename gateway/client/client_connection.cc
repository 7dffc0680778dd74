#include "gateway/client/client_connection.h"

#include <netinet/in.h>

#include <algorithm>
#include <boost/asio/connect.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <utility>

namespace sluice::client {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using proto::HttpClient;
using proto::TlsSession;
using Protocol = HttpClient::Protocol;

ClientConnection::ClientConnection(asio::io_context& loop, ConnectionBuffers& buffers, const proto::TlsContext* tls,
                                   Options options)
    : ClientConnection(loop, buffers, tls, std::make_shared<const Options>(std::move(options))) {}

ClientConnection::ClientConnection(asio::io_context& loop, ConnectionBuffers& buffers, const proto::TlsContext* tls,
                                   std::shared_ptr<const Options> options)
    : loop_(loop), buffers_(buffers), context_(tls), options_(std::move(options)), socket_(loop) {}

ClientConnection::~ClientConnection() {
  stop_connecting();
  session_.reset();  // while the rest is there: its streams hear on_close, and may ask why
}

// --- What its owner asks for ----------------------------------------------------------------------------------------

proto::StreamId ClientConnection::request(const proto::Request& head, proto::ResponseVisitor& response,
                                          std::string body) {
  if (state_ == State::idle) connect();
  const proto::StreamId id = session_->request(head, response, std::move(body));
  schedule_turn();
  return id;
}

void ClientConnection::reset(proto::StreamId id) {
  if (!session_) return;
  session_->reset(id);
  schedule_turn();
}

void ClientConnection::pause(proto::StreamId id) {
  if (session_) session_->pause(id);
}

void ClientConnection::resume(proto::StreamId id) {
  if (!session_) return;
  session_->resume(id);
  schedule_turn();
}

void ClientConnection::limit_reading(std::size_t bytes) {
  read_limit_ = bytes;
  if (state_ == State::open) schedule_turn();
}

void ClientConnection::close() {
  if (state_ == State::idle) return;
  closing_ = true;
  schedule_turn();
}

// --- Connecting -----------------------------------------------------------------------------------------------------

void ClientConnection::connect() {
  error_.clear();
  hopeless_ = goaway_ = closing_ = false;
  read_limit_ = unlimited;
  state_ = State::connecting;
  proto::Http2ClientVisitor& visitor = *this;
  session_ = std::make_unique<HttpClient>(options_->http, visitor);  // requests wait in it until it is open
  deadline_ = std::make_unique<asio::steady_timer>(loop_, options_->connect_timeout);
  deadline_->async_wait(bound(&ClientConnection::on_deadline));

  error_code not_literal;
  const auto address = asio::ip::make_address(options_->host, not_literal);
  if (!not_literal) return connect({address, options_->port});
  resolver_ = std::make_unique<tcp::resolver>(loop_);
  resolver_->async_resolve(options_->host, std::to_string(options_->port),
                           [this, alive = std::weak_ptr(alive_), epoch = epoch_](
                               const error_code& error, const tcp::resolver::results_type& found) {
                             if (alive.expired() || epoch != epoch_) return;
                             if (error) return end("no such host: " + options_->host + " (" + error.message() + ")");
                             connect(found);
                           });
}

// Asio asks the socket once more after it was closed, when this may be gone: it is the handler's until it is connected.
void ClientConnection::connect(const tcp::resolver::results_type& found) {
  const auto socket = std::make_shared<tcp::socket>(loop_);
  connecting_ = socket;
  asio::async_connect(
      *socket, found,
      [this, socket, alive = std::weak_ptr(alive_), epoch = epoch_](const error_code& error, const tcp::endpoint&) {
        if (alive.expired() || epoch != epoch_) return;
        socket_ = std::move(*socket);
        on_connected(error);
      });
}

void ClientConnection::stop_connecting() {
  error_code ignored;
  if (const auto socket = connecting_.lock()) socket->close(ignored);
}

void ClientConnection::connect(const tcp::endpoint& peer) {
  error_code error;
  if (!options_->source_address.empty()) {
    const auto local = asio::ip::make_address(options_->source_address, error);
    if (!error) socket_.open(peer.protocol(), error);
    // The port is chosen when the peer is known, so that one port serves many peers.
    const int yes = 1;
    if (!error) setsockopt(socket_.native_handle(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
    if (!error) socket_.bind({local, 0}, error);
  }
  if (!error) return socket_.async_connect(peer, bound(&ClientConnection::on_connected));
  asio::post(loop_, [handler = bound(&ClientConnection::on_connected), error] { handler(error); });
}

void ClientConnection::on_connected(const error_code& error) {
  if (error == asio::error::connection_refused) return end("connection refused by " + peer_name() + ": is it running?");
  if (error) {
    const std::string from = options_->source_address.empty() ? "" : " from " + options_->source_address;
    return end("cannot connect to " + peer_name() + from + ": " + error.message());
  }
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  if (context_ == nullptr) {
    use(options_->without_tls);
    schedule_turn();
  } else {
    state_ = State::handshaking;
    proto::CiphertextSink& sink = *this;
    tls_ = std::make_unique<TlsSession>(*context_, sink, server_name());
    tls_->start();
  }
  wait_readable();
}

// True when the handshake has just ended well; false when it goes on, or has ended the connection.
bool ClientConnection::finish_handshake() {
  if (tls_->state() != TlsSession::State::open) return false;
  if (tls_->alpn() == "h2") {
    use(Protocol::http2);
    return true;
  }
  // A server that knows no ALPN chooses nothing, and speaks HTTP/1.1.
  if (context_->offers("http/1.1")) {
    use(Protocol::http1);
    return true;
  }
  hopeless_ = true;
  end(peer_name() + " does not speak HTTP/2: it did not choose h2 (ALPN)");
  return false;
}

void ClientConnection::use(Protocol protocol) {
  session_->choose(protocol);
  state_ = State::open;
  deadline_.reset();
  resolver_.reset();
  if (on_open_) on_open_();
  if (protocol != Protocol::http2 || options_->ping_interval.count() == 0) return;
  heard_ = pinged_ = false;
  await_ping_time();
}

void ClientConnection::await_ping_time() {
  if (!ping_timer_) ping_timer_ = std::make_unique<asio::steady_timer>(loop_);
  ping_timer_->expires_after(options_->ping_interval);
  ping_timer_->async_wait(bound(&ClientConnection::on_ping_time));
}

void ClientConnection::on_ping_time(const error_code& error) {
  if (error || state_ != State::open) return;
  if (std::exchange(heard_, false)) {
    pinged_ = false;
  } else if (std::exchange(pinged_, true)) {
    return end(peer_name() + " does not answer: no sign of life for " +
               std::to_string(2 * options_->ping_interval.count()) + " ms (HTTP/2 PING)");
  } else {
    session_->ping();
    schedule_turn();
  }
  await_ping_time();
}

void ClientConnection::on_deadline(const error_code& error) {
  if (error || state_ == State::open) return;
  end((state_ == State::connecting ? "no answer from " : "no end of the TLS handshake with ") + peer_name() +
      " within " + std::to_string(options_->connect_timeout.count()) + " ms");
}

// --- Bytes ----------------------------------------------------------------------------------------------------------

// Waiting for readiness instead of reading into a buffer: an idle connection then holds none. A slow reader leaves the
// bytes where they are; its resume() waits again.
void ClientConnection::wait_readable() {
  if (read_waiting_ || read_limit_ == 0 || !session_->wants_input()) return;
  read_waiting_ = true;
  socket_.async_wait(tcp::socket::wait_read, bound(&ClientConnection::on_readable));
}

void ClientConnection::on_readable(const error_code& error) {
  read_waiting_ = false;
  if (read_limit_ == 0 || !session_->wants_input()) return;
  error_code failure = error;
  const std::size_t room = std::min(buffers_.ciphertext.size(), read_limit_);
  const std::size_t count = failure ? 0 : socket_.read_some(asio::buffer(buffers_.ciphertext, room), failure);
  if (read_limit_ != unlimited) read_limit_ -= count;
  if (failure == asio::error::would_block) return wait_readable();
  // Over TLS the peer says with close_notify that this is its end; without it anybody may have made it.
  if (failure == asio::error::eof) return take_end(tls_ == nullptr);
  if (failure) return end("the connection to " + peer_name() + " was lost: " + failure.message());
  heard_ = true;

  const std::span<const std::uint8_t> bytes(buffers_.ciphertext.data(), count);
  const std::uint64_t epoch = epoch_;
  if (tls_)
    take_sealed(bytes);
  else
    take(bytes);
  if (epoch == epoch_) wait_readable();
}

void ClientConnection::take(std::span<const std::uint8_t> bytes) {
  session_->receive(bytes);
  flush();
}

void ClientConnection::take_sealed(std::span<const std::uint8_t> bytes) {
  buffers_.plaintext.clear();
  const TlsSession::State tls = tls_->receive(bytes, buffers_.plaintext);
  const std::uint64_t epoch = epoch_;
  if (state_ == State::handshaking && finish_handshake()) flush();
  if (epoch != epoch_) return;
  if (!buffers_.plaintext.empty()) take(buffers_.plaintext.bytes());
  if (epoch != epoch_) return;
  if (tls == TlsSession::State::failed) {
    hopeless_ = state_ == State::handshaking;
    return end(explain_tls());
  }
  if (tls == TlsSession::State::closed_by_peer) take_end(true);
}

void ClientConnection::take_end(bool in_good_order) {
  if (in_good_order) session_->receive_end();
  if (goaway_ || session_->finished() || session_->stream_count() == 0) return end("");
  const auto& error = session_->error();
  end("the connection was closed by " + peer_name() + (error ? ": " + error->reason : ""));
}

// Sends what is queued, unless the socket is full: then on_writable() goes on.
void ClientConnection::flush() {
  if (state_ != State::open || (!unsent_.empty() && !session_->error())) return;
  do {
    buffers_.frames.clear();
    session_->flush(buffers_.frames);
    if (buffers_.frames.empty()) break;
    if (tls_)
      tls_->send(buffers_.frames.bytes());
    else
      write(buffers_.frames.bytes());
  } while (unsent_.empty() && session_->wants_flush());
  if (session_->error()) {
    const char* name = session_->protocol() == Protocol::http2 ? "HTTP/2: " : "HTTP/1.1: ";
    return end(peer_name() + " broke " + name + session_->error()->reason);
  }
  if (session_->finished() || (goaway_ && session_->stream_count() == 0)) {
    if (tls_) tls_->close();
    end("");
  }
}

void ClientConnection::write(std::span<const std::uint8_t> bytes) {
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
  write(rest.bytes());
  flush();
}

// --- Turns and ends -------------------------------------------------------------------------------------------------

void ClientConnection::schedule_turn() {
  if (turn_scheduled_) return;
  turn_scheduled_ = true;
  asio::post(loop_, [this, alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    turn_scheduled_ = false;
    take_turn();
  });
}

void ClientConnection::take_turn() {
  if (state_ == State::idle) return;
  if (closing_ && state_ == State::open) session_->goaway();
  const std::uint64_t epoch = epoch_;
  flush();
  if (epoch != epoch_) return;
  if (closing_) {
    if (tls_ && state_ == State::open) tls_->close();
    return end("");
  }
  if (state_ == State::open) wait_readable();  // a paused stream may go on
}

void ClientConnection::on_goaway(proto::StreamId, std::uint32_t) { goaway_ = true; }

void ClientConnection::end(std::string why) {
  ++epoch_;
  state_ = State::idle;
  error_ = std::move(why);
  read_waiting_ = write_waiting_ = false;
  unsent_.release();
  error_code ignored;
  stop_connecting();
  socket_.close(ignored);
  resolver_.reset();
  deadline_.reset();
  ping_timer_.reset();
  tls_.reset();
  // Its streams hear on_close at the end of this, and may ask for a new connection while this one goes.
  const auto gone = std::exchange(session_, nullptr);
  if (closing_ || !error_.empty()) return;
  if (auto waiting = gone->take_waiting(); !waiting.empty()) {
    connect();
    session_->adopt(std::move(waiting));
  }
}

std::string ClientConnection::peer_name() const { return server_name() + ":" + std::to_string(options_->port); }

std::string ClientConnection::explain_tls() const {
  if (tls_->error().starts_with("certificate verify failed"))
    return "the certificate of " + peer_name() + " is not trusted (" + tls_->error() + "): " + options_->trust_remedy;
  return "TLS with " + peer_name() + " failed: " + tls_->error();
}

}  // namespace sluice::client
