// ClientConnection: one connection to an HTTP server that connects when a request needs it and again after it was lost.
// TCP with HTTP/1.1, or TLS with what ALPN chooses. Owned by tail, publish, tests and the load client, on its loop.
// Flow: request() → resolve → connect → handshake → bytes of the socket → TLS → HttpClient → the request's visitor.
// Over HTTP/2 requests share it. Over HTTP/1.1 they wait for one another: an event stream, which has no end, needs a
// ClientConnection of its own; it is the owner of several streams who gives each its own.
// It never repeats a request: a lost connection closes every stream, and who wants more asks again. What was never
// sent to a server that closes after each response goes on the next connection.
// Visitors may call everything here from their callbacks, but not destroy it; nothing is written before the turn is
// over. Invariant: no connection, no session: `session_` exists exactly while connecting or open.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/byte_buffer.h"
#include "proto/http_client.h"
#include "proto/tls.h"

namespace sluice::client {

// What all connections of one thread share: they read and seal one after the other.
struct ConnectionBuffers {
  // One read takes what a busy server has sent since the last turn: fewer turns at high rates.
  std::vector<std::uint8_t> ciphertext = std::vector<std::uint8_t>(256 * 1024);
  ByteBuffer plaintext, frames;
};

class ClientConnection final : private proto::Http2ClientVisitor, private proto::CiphertextSink {
 public:
  using HttpClient = proto::HttpClient;
  struct Options {
    std::string host = "localhost";
    std::uint16_t port = 8443;
    std::string server_name;     // whom TLS checks and messages name; empty: the host
    std::string source_address;  // local address to connect from, for a host that is an address; empty: the system's
    HttpClient::Protocol without_tls = HttpClient::Protocol::http1;  // HTTP/2: by prior knowledge (RFC 9113 §3.3)
    std::chrono::milliseconds connect_timeout{10'000};               // resolve, connect and handshake together
    // Over HTTP/2: after so long without a byte the server gets a PING, and after as long again it counts as lost; it
    // is noticed within three times this. 0: never. HTTP/1.1 has no such question.
    std::chrono::milliseconds ping_interval{0};
    // What its owner can do about a certificate that is not trusted.
    std::string trust_remedy = "pass --cacert FILE, or --insecure for an experiment";
    HttpClient::Options http;
  };

  // For tens of thousands with the same options: they share them.
  ClientConnection(boost::asio::io_context& loop, ConnectionBuffers& buffers, const proto::TlsContext* tls,
                   std::shared_ptr<const Options> options);
  // `buffers` and `tls` outlive it. Without `tls`: TCP. HTTP/1.1 over TLS only if `tls` offers "http/1.1".
  ClientConnection(boost::asio::io_context& loop, ConnectionBuffers& buffers, const proto::TlsContext* tls,
                   Options options);
  // Not from inside a visitor's callback. Streams still open hear on_close; late completions find it gone.
  ~ClientConnection();
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;

  // Connects first when there is no connection. `response` gets on_close in every case; error() then says why.
  proto::StreamId request(const proto::Request& head, proto::ResponseVisitor& response, std::string body = {});
  // Over HTTP/1.1 it ends the connection, for only that stops the server.
  void reset(proto::StreamId id);
  // Leaves the stream unread: the server is stopped by its window. Over HTTP/1.1 that is TCP's, and the end of the
  // connection goes unnoticed until resume().
  void pause(proto::StreamId id);
  void resume(proto::StreamId id);
  // A slow peer: at most so many bytes of the socket are read, TLS included, until this is called again. Its end goes
  // unnoticed where nothing is read. A new connection begins without a limit.
  void limit_reading(std::size_t bytes);
  // Ends the connection at the end of this turn: GOAWAY, close_notify, close. The next request() makes a new one.
  void close();

  // Called in the turn in which a connection is open: may call everything but the destructor.
  void when_open(std::function<void()> task) { on_open_ = std::move(task); }

  [[nodiscard]] bool open() const { return state_ == State::open; }
  [[nodiscard]] bool idle() const { return state_ == State::idle; }  // the next request connects
  [[nodiscard]] std::size_t stream_count() const { return session_ ? session_->stream_count() : 0; }
  [[nodiscard]] const char* scheme() const { return context_ != nullptr ? "https" : "http"; }
  // What the last handshake chose, as long as the connection lasts.
  [[nodiscard]] proto::HttpClient::Protocol protocol() const {
    return session_ ? session_->protocol() : proto::HttpClient::Protocol::undecided;
  }
  // Why the last connection was lost or never made, for a person; empty when it ended in good order.
  [[nodiscard]] const std::string& error() const { return error_; }
  // The failure was not one of the network: trying again cannot help (an untrusted certificate, no protocol in common).
  [[nodiscard]] bool hopeless() const { return hopeless_; }

 private:
  enum class State : std::uint8_t { idle, connecting, handshaking, open };
  static constexpr std::size_t unlimited = ~std::size_t{0};
  using Handler = void (ClientConnection::*)(const boost::system::error_code&);

  void connect();
  void connect(const boost::asio::ip::tcp::endpoint& peer);
  void connect(const boost::asio::ip::tcp::resolver::results_type& found);
  void stop_connecting();
  void on_connected(const boost::system::error_code& error);
  void on_readable(const boost::system::error_code& error);
  void on_writable(const boost::system::error_code& error);
  void on_deadline(const boost::system::error_code& error);
  void on_ping_time(const boost::system::error_code& error);
  void await_ping_time();
  void wait_readable();
  void schedule_turn();
  void take_turn();
  bool finish_handshake();
  void use(proto::HttpClient::Protocol protocol);
  void take(std::span<const std::uint8_t> bytes);
  void take_sealed(std::span<const std::uint8_t> bytes);
  void take_end(bool in_good_order);
  void flush();
  void write(std::span<const std::uint8_t> bytes);
  void end(std::string why);
  [[nodiscard]] const std::string& server_name() const {
    return options_->server_name.empty() ? options_->host : options_->server_name;
  }
  [[nodiscard]] std::string peer_name() const;
  [[nodiscard]] std::string explain_tls() const;

  // A completion handler that is dropped when the connection it belonged to is gone.
  template <class Method>
  auto bound(Method method) {
    return [this, alive = std::weak_ptr(alive_), method, epoch = epoch_](const auto& error, auto&&...) {
      if (!alive.expired() && epoch == epoch_) (this->*method)(error);
    };
  }

  void on_goaway(proto::StreamId last, std::uint32_t code) override;
  void on_ciphertext(std::span<const std::uint8_t> bytes) override { write(bytes); }

  boost::asio::io_context& loop_;
  ConnectionBuffers& buffers_;
  const proto::TlsContext* const context_;  // null: plain TCP
  const std::shared_ptr<const Options> options_;
  std::function<void()> on_open_;

  boost::asio::ip::tcp::socket socket_;
  std::weak_ptr<boost::asio::ip::tcp::socket> connecting_;  // to one of several addresses: the handler's
  // Only while they are needed: an idle connection has neither.
  std::unique_ptr<boost::asio::ip::tcp::resolver> resolver_;
  std::unique_ptr<boost::asio::steady_timer> deadline_, ping_timer_;
  std::unique_ptr<proto::TlsSession> tls_;
  std::unique_ptr<proto::HttpClient> session_;
  ByteBuffer unsent_;  // bytes that the socket did not take
  std::string error_;
  std::size_t read_limit_ = unlimited;
  std::uint64_t epoch_ = 0;  // counts connections, so that a late handler of the last one is recognised
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with it: late completions look
  State state_ = State::idle;
  bool read_waiting_ = false, write_waiting_ = false, turn_scheduled_ = false;
  bool closing_ = false, goaway_ = false, hopeless_ = false;
  bool heard_ = false, pinged_ = false;  // since the last ping time
};

}  // namespace sluice::client
