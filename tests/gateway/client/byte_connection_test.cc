#include "gateway/client/byte_connection.h"

#include <doctest/doctest.h>

#include <functional>
#include <optional>

#include "tests/gateway/client/conversation.h"
#include "tests/support/byte_server.h"

namespace sluice::client {
namespace {

using test::ByteServer;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// What was heard, in order; each hook runs inside its callback.
struct Listener final : ByteVisitor {
  void on_open() override {
    ++opens;
    if (when_open) when_open();
  }
  void on_bytes(std::span<const std::uint8_t> bytes) override {
    ++reads;
    received.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (when_bytes) when_bytes();
  }
  void on_drained() override { ++drains; }
  void on_closed(CloseReason why, const std::string& said) override {
    reason = why;
    text = said;
    if (when_closed) when_closed();
  }
  int opens = 0, reads = 0, drains = 0;
  std::string received, text;
  std::optional<CloseReason> reason;
  std::function<void()> when_open, when_bytes, when_closed;
};

struct Talk {
  explicit Talk(bool tls, ByteServer::Script script = {})
      : server_context(server_tls()),
        client_context(trusting_tls()),
        server(loop, tls ? &server_context : nullptr, std::move(script)),
        peer{.host = "localhost", .port = server.port(), .tls = tls ? &client_context : nullptr} {
    connection.emplace(loop, buffers, heard);
  }
  ~Talk() {
    connection.reset();
    server.stop_listening();
    server.cut_all();
    if (loop.stopped()) loop.restart();
    loop.run_for(std::chrono::seconds(5));
    CHECK(loop.stopped());  // nothing is left to wait for
  }

  template <class Done>
  void until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      if (loop.stopped()) loop.restart();
      loop.run_one_for(std::chrono::milliseconds(100));
    }
    CHECK(done());
  }
  void open() {
    connection->connect(peer);
    until([&] { return heard.opens > 0 && !server.connections.empty(); });
  }
  // Until nothing moves any more: what does not come within this time was not sent.
  void settle() {
    if (loop.stopped()) loop.restart();
    loop.run_for(std::chrono::milliseconds(50));
  }
  ByteServer::Connection& there() { return server.connections.back(); }

  boost::asio::io_context loop{1};
  proto::TlsContext server_context, client_context;
  ReadBuffers buffers;
  Listener heard;
  ByteServer server;
  ByteConnection::Peer peer;
  std::optional<ByteConnection> connection;
};

void echo(ByteServer::Connection& there, std::string_view bytes) { there.send(std::string(bytes)); }

// Each of these is told over TCP and over TLS.
void for_both(const std::function<void(bool)>& story) {
  for (const bool tls : {false, true}) {
    CAPTURE(tls);
    story(tls);
  }
}

TEST_CASE("bytes go both ways, plain and over TLS") {
  for_both([](bool tls) {
    Talk talk(tls, echo);
    talk.open();
    CHECK(talk.connection->open());
    talk.connection->send(bytes_of("hello "));
    talk.connection->send(bytes_of("there"));
    talk.until([&] { return talk.heard.received == "hello there"; });
    CHECK_FALSE(talk.heard.reason);
  });
}

TEST_CASE("a server that speaks first is heard") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.open();
    talk.there().send("+OK\r\n");
    talk.until([&] { return talk.heard.received == "+OK\r\n"; });
  });
}

TEST_CASE("a callback may answer at once") {
  for_both([](bool tls) {
    Talk talk(tls, echo);
    talk.heard.when_open = [&] { talk.connection->send(bytes_of("1")); };
    talk.heard.when_bytes = [&] {
      if (talk.heard.received == "1") talk.connection->send(bytes_of("2"));
    };
    talk.open();
    talk.until([&] { return talk.heard.received == "12"; });
  });
}

TEST_CASE("what a server does not read is kept, and sent in order when it goes on") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.open();
    talk.there().stop();
    talk.settle();
    std::string sent;
    for (int i = 0; i < 200; ++i) {
      const std::string piece(65536, static_cast<char>('a' + i % 26));
      talk.connection->send(bytes_of(piece));
      sent += piece;
    }
    talk.settle();
    CHECK(talk.connection->unsent_size() > 0);
    CHECK(talk.heard.drains == 0);
    talk.there().go_on();
    talk.until([&] { return talk.there().received.size() == sent.size(); });
    CHECK((talk.there().received == sent));
    CHECK(talk.connection->unsent_size() == 0);
    CHECK(talk.heard.drains >= 1);
  });
}

TEST_CASE("a paused connection leaves the bytes to the server, and has all of them once resumed") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.heard.when_bytes = [&] { talk.connection->pause_reading(); };
    talk.open();
    std::string sent;
    while (sent.size() < (8 << 20)) sent += std::to_string(sent.size()) + ",";
    talk.there().send(sent);
    talk.until([&] { return talk.heard.reads == 1; });
    talk.settle();
    CHECK(talk.heard.reads == 1);
    talk.heard.when_bytes = {};
    talk.connection->resume_reading();
    talk.until([&] { return talk.heard.received.size() == sent.size(); });
    CHECK((talk.heard.received == sent));
  });
}

// --- ends ----------------------------------------------------------------------------------------------------------

TEST_CASE("no server: the reason names the address") {
  Talk talk(false);
  talk.server.stop_listening();
  talk.connection->connect(talk.peer);
  CHECK_FALSE(talk.heard.reason);  // not from inside connect()
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::refused);
  CHECK(talk.heard.text == "connection refused by localhost:" + std::to_string(talk.peer.port));
}

TEST_CASE("a name that does not exist is named") {
  Talk talk(false);
  talk.peer.host = "no..such..host";
  talk.connection->connect(talk.peer);
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::no_such_host);
  CHECK(talk.heard.text.starts_with("no such host: no..such..host ("));
}

TEST_CASE("a TLS server that accepts and stays silent is given up in time") {
  Talk talk(true);
  boost::asio::ip::tcp::acceptor silent(talk.loop, {boost::asio::ip::address_v4::loopback(), 0});
  talk.peer.host = "127.0.0.1";
  talk.peer.port = silent.local_endpoint().port();
  talk.peer.timeout = std::chrono::milliseconds(30);
  talk.connection->connect(talk.peer);
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::tls_timed_out);
  CHECK(talk.heard.text ==
        "no end of the TLS handshake with 127.0.0.1:" + std::to_string(talk.peer.port) + " within 30 ms");
}

TEST_CASE("a certificate of a stranger, or of another name, is not trusted") {
  const tests::TestCertificates stranger;
  const proto::TlsContext tls = proto::TlsContext::client({.ca = stranger.ca()});
  Talk talk(true);
  SUBCASE("another authority") { talk.peer.tls = &tls; }
  SUBCASE("another name") { talk.peer.server_name = "redis.example"; }
  talk.connection->connect(talk.peer);
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::not_trusted);
  CHECK(talk.heard.text.starts_with("the certificate of localhost:" + std::to_string(talk.peer.port) +
                                    " is not trusted (certificate verify failed: "));
  CHECK(talk.heard.opens == 0);
}

TEST_CASE("TLS with a server that has none fails with a reason") {
  Talk talk(false, [](auto& there, auto) { there.send("-ERR unknown command\r\n"); });
  talk.peer.tls = &talk.client_context;
  talk.connection->connect(talk.peer);
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::tls_failed);
  CHECK(talk.heard.text.starts_with("TLS with localhost:"));
}

TEST_CASE("a name that no certificate can have fails, and does not throw") {
  Talk talk(true);
  talk.peer.server_name = std::string(300, 'x');
  talk.connection->connect(talk.peer);
  talk.until([&] { return talk.heard.reason.has_value(); });
  CHECK(talk.heard.reason == CloseReason::tls_failed);
}

TEST_CASE("the peer's last bytes come before its end") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.open();
    talk.there().send("-ERR max number of clients reached\r\n");
    talk.there().end();
    talk.until([&] { return talk.heard.reason.has_value(); });
    CHECK(talk.heard.received == "-ERR max number of clients reached\r\n");
    CHECK(talk.heard.reason == CloseReason::ended);
    CHECK(talk.heard.text == "the connection was closed by localhost:" + std::to_string(talk.peer.port));
    CHECK_FALSE(talk.connection->open());
  });
}

TEST_CASE("a cut connection is lost, whatever is sent into it before that is known") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.open();
    talk.there().cut();
    talk.connection->send(bytes_of("into the void"));
    talk.connection->send(bytes_of("and again"));
    talk.until([&] { return talk.heard.reason.has_value(); });
    CHECK(talk.heard.reason == CloseReason::lost);
    CHECK(talk.heard.text.starts_with("the connection to localhost:" + std::to_string(talk.peer.port) + " was lost: "));
  });
}

TEST_CASE("closing tells the server and calls nobody") {
  for_both([](bool tls) {
    Talk talk(tls);
    talk.open();
    talk.connection->close();
    talk.until([&] { return talk.there().ended; });
    CHECK_FALSE(talk.heard.reason);
    CHECK_FALSE(talk.connection->open());
  });
}

TEST_CASE("after a loss, and from inside on_closed, it connects again") {
  for_both([](bool tls) {
    Talk talk(tls, echo);
    talk.heard.when_closed = [&] { talk.connection->connect(talk.peer); };
    talk.open();
    talk.there().cut();
    talk.until([&] { return talk.heard.opens == 2; });
    talk.connection->send(bytes_of("again"));
    talk.until([&] { return talk.heard.received == "again"; });
  });
}

// --- destruction ---------------------------------------------------------------------------------------------------

TEST_CASE("destroyed at any moment, it is heard of no more") {
  for_both([](bool tls) {
    for (int turns = 0; turns < 12; ++turns) {
      CAPTURE(turns);
      Talk talk(tls, echo);
      talk.heard.when_open = [&] { talk.connection->send(bytes_of(std::string(1 << 20, 'x'))); };
      talk.connection->connect(talk.peer);
      for (int turn = 0; turn < turns; ++turn) talk.loop.run_one_for(std::chrono::seconds(1));
      talk.connection.reset();
      const Listener before = talk.heard;
      talk.settle();
      CHECK(talk.heard.opens == before.opens);
      CHECK(talk.heard.reads == before.reads);
      CHECK_FALSE(talk.heard.reason);
    }
  });
}

TEST_CASE("each callback may destroy it") {
  for_both([](bool tls) {
    for (const int which : {0, 1, 2}) {
      CAPTURE(which);
      Talk talk(tls, [](auto& there, auto) {
        there.send("bytes");
        there.end();
      });
      const auto destroy = [&] { talk.connection.reset(); };
      talk.heard.when_open = [&] {
        talk.connection->send(bytes_of("go"));
        if (which == 0) destroy();
      };
      if (which == 1) talk.heard.when_bytes = destroy;
      if (which == 2) talk.heard.when_closed = destroy;
      talk.connection->connect(talk.peer);
      talk.until([&] { return !talk.connection; });
    }
  });
}

TEST_CASE("a handler that the loop never runs is freed with it") {
  for_both([](bool tls) {
    boost::asio::io_context loop{1};
    ReadBuffers buffers;
    Listener heard;
    const proto::TlsContext context = trusting_tls();
    boost::asio::ip::tcp::acceptor silent(loop, {boost::asio::ip::address_v4::loopback(), 0});
    ByteConnection connection(loop, buffers, heard);
    connection.connect({.host = "127.0.0.1", .port = silent.local_endpoint().port(), .tls = tls ? &context : nullptr});
    loop.run_one_for(std::chrono::seconds(1));
  });
}

}  // namespace
}  // namespace sluice::client
