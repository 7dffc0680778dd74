// EventStreamClient over HTTP/1.1, with servers that behave and servers that do not.
#include <doctest/doctest.h>

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/gateway/client/subscriber.h"

namespace sluice::client {
namespace {

using Peer = test::Http1Server::Connection;

const std::string chunked = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view bytes) {
  std::string size;
  for (std::size_t rest = bytes.size(); rest != 0; rest /= 16) size.insert(0, 1, "0123456789abcdef"[rest % 16]);
  return size + "\r\n" + std::string(bytes) + "\r\n";
}

TEST_CASE("streams that end in good order follow one another on one connection") {
  Subscriber subscriber;
  Http1Conversation talk([](Peer& peer) {
    peer.send(chunked + chunk("id: " + std::to_string(peer.requests) + "\ndata: a\n\n") + "0\r\n\r\n");
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events.size() == 2; });
  CHECK(talk.server.connections.size() == 1);
  CHECK(talk.server.connections.front().request.find("\r\nlast-event-id: 1\r\n") != std::string::npos);
  CHECK(subscriber.waits.front() == "the stream was ended");
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("stopping a stream ends its connection") {
  Subscriber subscriber;
  Http1Conversation talk([](Peer& peer) { peer.send(chunked + chunk(": hello\n\n")); });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.opens == 1; });
  stream.stop();
  talk.until([&] { return subscriber.ends == 1 && talk.server.connections.front().left; });
  CHECK(subscriber.end_reason.empty());
}

TEST_CASE("an event that is too large and does not end is left, and not asked for again") {
  Subscriber subscriber;
  Http1Conversation talk([](Peer& peer) {
    if (peer.request.find("\r\nlast-event-id: 2\r\n") != std::string::npos)
      peer.send(chunked + chunk("id: 3\ndata: c\n\n"));
    else
      peer.send(chunked + chunk("id: 1\ndata: a\n\nid: 2\ndata: "));
  });
  boost::asio::steady_timer more(talk.loop);
  std::function<void()> go_on = [&] {
    more.expires_after(std::chrono::milliseconds(5));
    more.async_wait([&](const boost::system::error_code& error) {
      if (error || talk.server.connections.size() > 1) return;
      if (subscriber.events.size() == 1) talk.server.connections.front().send(chunk(std::string(100, 'x')));
      go_on();
    });
  };
  EventStreamClient::Options options = quick("/a");
  options.silence = std::chrono::milliseconds(200);
  options.source.event_size_max = 50;
  options.source.skip_too_large = true;
  EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
  stream.start();
  go_on();
  talk.until([&] { return subscriber.events == std::vector<std::string>{"a", "c"}; });
  CHECK(subscriber.waits == std::vector<std::string>{"nothing came for 200 ms"});
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a redirect keeps the connection") {
  Subscriber subscriber;
  Http1Conversation talk([](Peer& peer) {
    if (peer.requests == 1)
      peer.send("HTTP/1.1 302 Found\r\nLocation: http://LOCALHOST/b\r\nContent-Length: 5\r\n\r\nmoved");
    else
      peer.send(chunked + chunk("data: b\n\n"));
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events == std::vector<std::string>{"b"}; });
  CHECK(talk.server.connections.size() == 1);
  CHECK(talk.server.connections.front().request.starts_with("GET /b HTTP/1.1\r\n"));
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("a redirect with an endless page is left for a new connection") {
  Subscriber subscriber;
  Http1Conversation talk([](Peer& peer) {
    if (peer.request.starts_with("GET /a "))
      peer.send("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n" + std::string(10'000, 'x'));
    else
      peer.send(chunked + chunk("data: b\n\n"));
  });
  EventStreamClient stream(talk.loop, talk.connection, quick("/a"), subscriber);
  stream.start();
  talk.until([&] { return subscriber.events == std::vector<std::string>{"b"}; });
  CHECK(talk.server.connections.size() == 2);
  CHECK(subscriber.waits.empty());
  stream.stop();
  talk.until([&] { return subscriber.ends == 1; });
}

TEST_CASE("of a server that misbehaves nothing bad is heard: it is refused, or waited for") {
  const std::string page = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
  const struct {
    const char* name;
    std::string bytes;
    bool ends;  // the connection, in good order
    std::string end_reason, wait_reason;
    std::vector<std::string> events = {};
  } rows[] = {
      {"no content", "HTTP/1.1 204 No Content\r\n\r\n", false, "status 204", ""},
      {"not found", "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope\n", false, "status 404: nope", ""},
      {"unavailable", "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false, "status 503", ""},
      {"another type", "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\ndata: a\n\n", false,
       "content-type 'text/html'", ""},
      {"an endless line",
       page + "\r\ndata: a\n\ndata: " + std::string(5000, 'x'),
       false,
       "a line of the event stream is too long",
       "",
       {"a"}},
      {"a redirect away", "HTTP/1.1 301 Moved\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", false,
       "status 301: a redirect to 'http://169.254.169.254/' is not followed: only those within http://localhost are",
       ""},
      {"a cut chunk", chunked + chunk("data: a\n\n") + "20\r\ndata: b\n", true, "", ": the response is cut", {"a"}},
      {"a cut event", chunked + chunk("data: a\n\ndata: b\n") + "0\r\n\r\n", false, "", "the stream was ended", {"a"}},
      {"a closed connection", "", true, "", ": no answer came"},
      {"a bad chunk size",
       chunked + chunk("data: a\n\n") + "xyz\r\ndata: b\n\n\r\n",
       false,
       "",
       " broke HTTP/1.1: bad chunk",
       {"a"}},
      {"two lengths", page + "Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\ndata: a\n\n", false, "",
       " broke HTTP/1.1: bad Transfer-Encoding"},
      {"a huge header", page + "X: " + std::string(40'000, 'x') + "\r\n\r\ndata: a\n\n", false, "",
       " broke HTTP/1.1: the header of the response is too large"},
      {"another protocol", "220 mail.example ESMTP\r\n", false, "",
       " broke HTTP/1.1: the answer does not begin with HTTP/1"},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.name));
    Subscriber subscriber;
    Http1Conversation talk([&](Peer& peer) {
      peer.send(row.bytes);
      if (row.ends) peer.end();
    });
    EventStreamClient::Options options = quick("/a");
    options.source.event_size_max = 1000;
    EventStreamClient stream(talk.loop, talk.connection, std::move(options), subscriber);
    stream.start();
    talk.until([&] { return subscriber.ends + subscriber.waits.size() != 0; });
    CHECK(subscriber.end_reason == row.end_reason);
    CHECK(subscriber.events == row.events);
    if (row.wait_reason.empty()) {
      CHECK(subscriber.waits.empty());
    } else {
      REQUIRE(subscriber.waits.size() == 1);
      CHECK(subscriber.waits[0].ends_with(row.wait_reason));
    }
    stream.stop();
    talk.until([&] { return subscriber.ends == 1; });
  }
}

}  // namespace
}  // namespace sluice::client
