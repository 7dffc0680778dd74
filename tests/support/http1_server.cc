#include "tests/support/http1_server.h"

#include <boost/asio/write.hpp>
#include <utility>

namespace sluice::test {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

Http1Server::Connection::Connection(Http1Server& server, tcp::socket socket)
    : server_(server), socket_(std::move(socket)) {
  proto::CiphertextSink& sink = *this;
  if (server.tls_ != nullptr) tls_ = std::make_unique<proto::TlsSession>(*server.tls_, sink);
}

void Http1Server::Connection::read() {
  socket_.async_read_some(asio::buffer(buffer_), [this](const error_code& error, std::size_t count) {
    left |= error == asio::error::eof || error == asio::error::connection_reset;
    if (error) return;
    if (tls_) {
      ByteBuffer plaintext;
      left |= tls_->receive({buffer_.data(), count}, plaintext) == proto::TlsSession::State::closed_by_peer;
      take(plaintext.text());
    } else {
      take({reinterpret_cast<const char*>(buffer_.data()), count});
    }
    if (socket_.is_open()) read();
  });
}

void Http1Server::Connection::take(std::string_view bytes) {
  received_ += bytes;
  for (std::size_t end; (end = received_.find("\r\n\r\n")) != std::string::npos;) {
    std::size_t size = end + 4;
    if (const std::size_t length = received_.find("content-length: "); length < end)
      size += std::stoul(received_.substr(length + 16));
    if (received_.size() < size) return;
    request = received_.substr(0, size);
    received_.erase(0, size);
    ++requests;
    server_.on_request_(*this);
  }
}

void Http1Server::Connection::send(std::string_view bytes) {
  if (tls_) {
    tls_->send({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  } else {
    unsent_ += bytes;
    write();
  }
}

void Http1Server::Connection::on_ciphertext(std::span<const std::uint8_t> bytes) {
  unsent_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  write();
}

void Http1Server::Connection::write() {
  if (writing_ || !socket_.is_open()) return;
  if (unsent_.empty()) {
    error_code ignored;
    if (ending_) socket_.shutdown(tcp::socket::shutdown_send, ignored);
    return;
  }
  writing_ = true;
  in_flight_ = std::exchange(unsent_, {});
  asio::async_write(socket_, asio::buffer(in_flight_), [this](const error_code& error, std::size_t) {
    writing_ = false;
    if (!error) write();
  });
}

void Http1Server::Connection::end() {
  if (tls_) tls_->close();
  ending_ = true;
  write();
}

void Http1Server::Connection::cut() {
  error_code ignored;
  if (!tls_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

Http1Server::Http1Server(asio::io_context& loop, const proto::TlsContext* tls, RequestHandler on_request)
    : loop_(loop),
      tls_(tls),
      on_request_(std::move(on_request)),
      acceptor_(loop_, {asio::ip::address_v4::loopback(), 0}) {
  accept();
}

void Http1Server::accept() {
  acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
    if (error) return;
    connections.emplace_back(*this, std::move(socket)).read();
    accept();
  });
}

void Http1Server::close() {
  for (Connection& connection : connections) connection.cut();
  acceptor_.close();
}

}  // namespace sluice::test
