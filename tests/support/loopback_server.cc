#include "tests/support/loopback_server.h"

#include <boost/asio/write.hpp>

namespace sluice::test {
namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

LoopbackServer::Connection::Connection(LoopbackServer& server, tcp::socket socket)
    : server_(server), socket_(std::move(socket)) {
  proto::CiphertextSink& sink = *this;
  tls_ = std::make_unique<proto::TlsSession>(server.tls_, sink);
}

LoopbackServer::Connection::~Connection() = default;

void LoopbackServer::Connection::read() {
  socket_.async_read_some(asio::buffer(buffer_), [this](const error_code& error, std::size_t count) {
    if (error) return;
    ByteBuffer plaintext;
    const auto state = tls_->receive({buffer_.data(), count}, plaintext);
    if (!peer.receive(plaintext.bytes())) return cut();
    for (auto& [id, stream] : peer.streams)
      if (stream.complete && announced_.insert(id).second && !stream.closed) server_.on_request_(*this, id, stream);
    if (state == proto::TlsSession::State::open) flush();
    if (socket_.is_open()) read();
  });
}

void LoopbackServer::Connection::flush() {
  if (!socket_.is_open()) return;
  ByteBuffer frames;
  peer.flush(frames);
  if (!frames.empty()) tls_->send(frames.bytes());
}

void LoopbackServer::Connection::cut() {
  error_code ignored;
  socket_.close(ignored);
}

void LoopbackServer::Connection::on_ciphertext(std::span<const std::uint8_t> bytes) {
  error_code ignored;  // blocking: a test's client always reads
  asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
}

LoopbackServer::LoopbackServer(asio::io_context& loop, const proto::TlsContext& tls, RequestHandler on_request)
    : tls_(tls),
      on_request_(std::move(on_request)),
      listener_(loop, [this](tcp::socket socket) { connections.emplace_back(*this, std::move(socket)).read(); }) {}

void LoopbackServer::cut_all() {
  for (Connection& connection : connections) connection.cut();
}

}  // namespace sluice::test
