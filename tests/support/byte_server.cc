#include "tests/support/byte_server.h"

#include <boost/asio/write.hpp>
#include <utility>

namespace sluice::test {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

ByteServer::Connection::Connection(ByteServer& server, tcp::socket socket)
    : server_(server), socket_(std::move(socket)) {
  proto::CiphertextSink& sink = *this;
  if (server.tls_ != nullptr) tls_ = std::make_unique<proto::TlsSession>(*server.tls_, sink);
}

ByteServer::Connection::~Connection() = default;

void ByteServer::Connection::read() {
  if (stopped_ || reading_ || ended) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(buffer_), [this](const error_code& error, std::size_t count) {
    reading_ = false;
    ended = ended || error;
    if (error) return;
    const std::string_view bytes(buffer_.data(), count);
    if (!tls_) {
      take(bytes);
    } else {
      ByteBuffer plaintext;
      tls_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, plaintext);
      if (tls_->state() == proto::TlsSession::State::open) send(std::exchange(early_, {}));
      if (ending_) end();
      if (!plaintext.empty()) take(plaintext.text());
    }
    read();
  });
}

void ByteServer::Connection::take(std::string_view bytes) {
  received += bytes;
  if (server_.script_) server_.script_(*this, bytes);
}

void ByteServer::Connection::send(std::string text) {
  if (ended) return;
  if (!tls_) return write(text);
  if (tls_->state() == proto::TlsSession::State::handshaking) {
    early_ += text;
    return;
  }
  tls_->send({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

void ByteServer::Connection::on_ciphertext(std::span<const std::uint8_t> bytes) {
  write({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

void ByteServer::Connection::write(std::string_view bytes) {
  unsent_ += bytes;
  write_some();
}

void ByteServer::Connection::write_some() {
  if (writing_ || ended) return;
  if (unsent_.empty()) {
    error_code ignored;
    if (ending_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
    return;
  }
  writing_ = true;
  socket_.async_write_some(asio::buffer(unsent_), [this](const error_code& error, std::size_t count) {
    writing_ = false;
    unsent_.erase(0, count);
    ended = ended || error;
    write_some();
  });
}

void ByteServer::Connection::end() {
  ending_ = true;
  if (tls_ && tls_->state() == proto::TlsSession::State::handshaking) return;
  if (tls_) tls_->close();
  write_some();
}

void ByteServer::Connection::cut() {
  ended = true;
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void ByteServer::Connection::stop() { stopped_ = true; }

void ByteServer::Connection::go_on() {
  stopped_ = false;
  read();
}

ByteServer::ByteServer(asio::io_context& loop, const proto::TlsContext* tls, Script script)
    : tls_(tls),
      script_(std::move(script)),
      listener_(loop, [this](tcp::socket socket) { connections.emplace_back(*this, std::move(socket)).read(); }) {}

void ByteServer::cut_all() {
  for (Connection& connection : connections) connection.cut();
}

}  // namespace sluice::test
