#include "proto/http2_client.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "tests/support/response.h"
#include "tests/support/scripted_server.h"

namespace sluice::proto {
namespace {

using test::Response;

// A client and a scripted server joined in memory.
struct Conversation final : Http2ClientVisitor {
  explicit Conversation(const Http2ClientOptions& options = {}, std::uint32_t streams_max = 256)
      : server(streams_max), client(std::make_unique<Http2Client>(options, *this)) {
    exchange();
  }
  void on_settings() override { ++settings; }
  void on_pong() override { ++pongs; }
  void on_goaway(StreamId last, std::uint32_t) override { goaway_last = last; }

  // Carries bytes both ways, `fragment` at a time, until both are silent.
  void exchange() {
    for (bool moved = true; moved;) {
      moved = false;
      ByteBuffer wire;
      client->flush(wire);
      moved |= !wire.empty();
      REQUIRE(server.receive(wire.bytes()));
      wire.clear();
      server.flush(wire);
      moved |= !wire.empty();
      for (auto rest = wire.bytes(); !rest.empty();) {
        const std::size_t size = std::min(fragment, rest.size());
        client->receive(rest.first(size));
        rest = rest.subspan(size);
      }
    }
  }
  StreamId get(ResponseVisitor& response, std::string path = "/demo/clock") {
    const StreamId id = client->request({"GET", "https", "localhost", std::move(path), "", {}}, response);
    exchange();
    return id;
  }

  test::ScriptedServer server;
  std::unique_ptr<Http2Client> client;
  std::size_t fragment = 16 * 1024;
  int settings = 0, pongs = 0;
  StreamId goaway_last = -1;
};

TEST_CASE("a request's method, target, fields and body arrive as they were given") {
  Response response;
  Conversation talk;
  const StreamId id = talk.client->request(
      {"POST", "https", "localhost:8443", "/topics/a%20b", "event=price", {{"content-type", "text/plain"}}}, response,
      "hello");
  talk.exchange();
  const test::ScriptedServer::Stream& seen = talk.server.streams.at(id);
  CHECK(seen.request.method == "POST");
  CHECK(seen.request.authority == "localhost:8443");
  CHECK(seen.request.path == "/topics/a%20b");
  CHECK(seen.request.query == "event=price");
  CHECK(seen.request.field("content-type") == "text/plain");
  CHECK(seen.request.field("content-length") == "5");
  CHECK(seen.body == "hello");
  CHECK(seen.complete);
}

TEST_CASE("a request like the last one is short only where the client keeps a table of fields") {
  const auto size_of_second = [](std::uint32_t table) {
    Response first, second;
    Conversation talk({.request_table = table});
    const Request head{"GET", "https", "localhost", "/demo/clock", "", {{"x-reason", std::string(100, 'y')}}};
    (void)talk.client->request(head, first);
    talk.exchange();
    const StreamId id = talk.client->request(head, second);
    ByteBuffer wire;
    talk.client->flush(wire);
    REQUIRE(talk.server.receive(wire.bytes()));
    CHECK(talk.server.streams.at(id).request.field("x-reason") == std::string(100, 'y'));
    return wire.size();
  };
  CHECK(size_of_second(4096) < 50);
  CHECK(size_of_second(0) > 80);
}

TEST_CASE("a response arrives whole, whatever the sizes of the reads") {
  for (const std::size_t fragment : {1, 2, 3, 7, 9, 10, 64, 16 * 1024}) {
    CAPTURE(fragment);
    Response response;
    Conversation talk;
    talk.fragment = fragment;
    const StreamId id = talk.get(response);
    talk.server.interim(id, 103);
    talk.server.event_stream(id);
    talk.server.send(id, "id: 1\ndata: a\n\n");
    talk.exchange();
    CHECK(response.heads == 1);
    CHECK(response.head.status == 200);
    CHECK(find_field(response.head.fields, "content-type") == "text/event-stream");
    CHECK(response.body == "id: 1\ndata: a\n\n");
    CHECK(response.closes == 0);
    talk.server.send(id, "data: b\n\n", true);
    talk.exchange();
    CHECK(response.body == "id: 1\ndata: a\n\ndata: b\n\n");
    CHECK(response.complete());
    CHECK(talk.client->stream_count() == 0);
  }
}

TEST_CASE("a response without a body says so with its head") {
  Response response;
  Conversation talk;
  talk.server.respond(talk.get(response), 204, {}, true);
  talk.exchange();
  CHECK(response.ended_with_head);
  CHECK(response.complete());
}

TEST_CASE("a header at its limits arrives, and one above them resets its stream alone") {
  const Http2ClientOptions options{.header_bytes_max = 200, .fields_max = 3};
  const std::size_t status_size = std::string(":status200").size();
  const struct {
    const char* name;
    std::vector<Field> fields;
    bool taken;
  } rows[] = {
      {"as many bytes", {{"x", std::string(199 - status_size, 'y')}}, true},
      {"a byte more", {{"x", std::string(200 - status_size, 'y')}}, false},
      {"as many fields", {{"a", "1"}, {"b", "2"}, {"c", "3"}}, true},
      {"a field more", {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}, false},
      {"many small ones of a table", std::vector<Field>(20, {"x", std::string(60, 'y')}), false},
  };
  for (const auto& row : rows) {
    CAPTURE(std::string(row.name));
    Response response, other;
    Conversation talk(options);
    const StreamId id = talk.get(response);
    talk.server.respond(id, 200, row.fields);
    talk.server.send(id, "hello", true);
    talk.exchange();
    CHECK(response.heads == (row.taken ? 1 : 0));
    CHECK(response.body == (row.taken ? "hello" : ""));
    CHECK(response.code == (row.taken ? 0 : static_cast<std::uint32_t>(ErrorCode::enhance_your_calm)));
    talk.server.respond(talk.get(other), 204, {}, true);
    talk.exchange();
    CHECK(other.complete());
  }
}

TEST_CASE("a response with a field that HTTP/2 forbids leaves nothing for the next one") {
  Response broken, next;
  Conversation talk;
  const StreamId first = talk.get(broken), second = talk.get(next);
  talk.server.respond(first, 200, {{"set-cookie", "of the first"}, {"connection", "close"}});
  talk.exchange();
  talk.server.respond(second, 200, {{"x", "of the second"}}, true);
  talk.exchange();
  CHECK(broken.heads == 0);
  CHECK(broken.closes == 1);
  CHECK(next.head.fields == std::vector<Field>{{"x", "of the second"}});
}

TEST_CASE("a body larger than the server's window goes on as the window opens") {
  Response response;
  Conversation talk;
  const std::string body(1'000'000, 'x');
  const StreamId id = talk.client->request({"POST", "https", "localhost", "/topics/a", "", {}}, response, body);
  talk.exchange();
  CHECK(talk.server.streams.at(id).body == body);
  CHECK(talk.server.streams.at(id).complete);
}

TEST_CASE("many streams share a connection and each gets its own bytes") {
  std::vector<Response> responses(200);
  Conversation talk;
  std::vector<StreamId> ids;
  for (Response& response : responses) ids.push_back(talk.get(response));
  for (const StreamId id : ids) {
    talk.server.event_stream(id);
    talk.server.send(id, std::to_string(id), true);
  }
  talk.exchange();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    CHECK(responses[i].body == std::to_string(ids[i]));
    CHECK(responses[i].complete());
  }
}

TEST_CASE("requests above the server's stream limit wait for a stream to end") {
  Response a, b, c;
  Conversation talk({}, 2);
  CHECK(talk.client->peer_streams_max() == 2);
  const StreamId first = talk.get(a);
  talk.get(b);
  const StreamId third = talk.get(c);
  CHECK_FALSE(talk.server.streams.contains(third));
  talk.server.respond(first, 200, {}, true);
  talk.exchange();
  CHECK(talk.server.streams.contains(third));
}

TEST_CASE("windows go back in halves, not frame by frame") {
  Response response;
  Conversation talk({.stream_window = 64 * 1024, .connection_window = 1024 * 1024});
  const StreamId id = talk.get(response);
  talk.server.event_stream(id);
  for (int i = 0; i < 1000; ++i) {
    talk.server.send(id, std::string(140, 'x'));
    talk.exchange();
  }
  CHECK(response.body.size() == 140'000);
  CHECK(talk.server.window_updates == 4);
  CHECK(talk.server.connection_window_updates == 1);  // the enlargement at the start
}

TEST_CASE("many half-read streams cannot use up the connection's window") {
  std::vector<Response> responses(8);
  Conversation talk({.stream_window = 1024 * 1024, .connection_window = 1024 * 1024});
  for (Response& response : responses) {
    const StreamId id = talk.get(response);
    talk.server.event_stream(id);
    talk.server.send(id, std::string(400'000, 'x'));
    talk.exchange();
    CHECK(response.body.size() == 400'000);
  }
}

TEST_CASE("a paused stream stops the server at its window and resumes without loss") {
  Response slow, quick;
  Conversation talk({.stream_window = 64 * 1024, .connection_window = 1024 * 1024});
  const StreamId slow_id = talk.get(slow), quick_id = talk.get(quick);
  talk.client->pause(slow_id);
  for (const StreamId id : {slow_id, quick_id}) {
    talk.server.event_stream(id);
    talk.server.send(id, std::string(200'000, 'x'));
  }
  talk.exchange();
  CHECK(slow.body.size() == 64 * 1024);
  CHECK(quick.body.size() == 200'000);
  CHECK(talk.server.window(slow_id) == 0);
  talk.client->resume(slow_id);
  talk.exchange();
  CHECK(slow.body.size() == 200'000);
}

TEST_CASE("closing a paused stream gives its bytes back to the connection") {
  Conversation talk({.stream_window = 64 * 1024, .connection_window = 64 * 1024});
  for (int i = 0; i < 10; ++i) {
    Response response;
    const StreamId id = talk.get(response);
    talk.client->pause(id);
    talk.server.event_stream(id);
    talk.server.send(id, std::string(60'000, 'x'));
    talk.exchange();
    CHECK(response.body.size() == 60'000);
    talk.client->reset(id, ErrorCode::cancel);
    talk.exchange();
    CHECK(response.closes == 1);
  }
}

TEST_CASE("the server's reset closes the stream with its code") {
  Response response;
  Conversation talk;
  const StreamId id = talk.get(response);
  talk.server.event_stream(id);
  talk.server.reset(id, 0x2);
  talk.exchange();
  CHECK(response.closes == 1);
  CHECK(response.code == static_cast<std::uint32_t>(ErrorCode::internal_error));
}

TEST_CASE("our reset reaches the server and closes the stream here") {
  Response response;
  Conversation talk;
  const StreamId id = talk.get(response);
  talk.server.event_stream(id);
  talk.exchange();
  talk.client->reset(id, ErrorCode::cancel);
  talk.exchange();
  CHECK(response.closes == 1);
  CHECK(talk.server.streams.at(id).closed);
  CHECK(talk.server.streams.at(id).close_code == static_cast<std::uint32_t>(ErrorCode::cancel));
}

TEST_CASE("a request cancelled before it was sent never reaches the server") {
  Response response;
  Conversation talk;
  const StreamId id = talk.client->request({"GET", "https", "localhost", "/", "", {}}, response);
  talk.client->reset(id, ErrorCode::cancel);
  talk.exchange();
  CHECK(response.closes == 1);
  CHECK(talk.client->stream_count() == 0);
}

TEST_CASE("after GOAWAY open streams go on and new requests are refused") {
  Response open, late;
  Conversation talk;
  const StreamId id = talk.get(open);
  talk.server.event_stream(id);
  talk.server.goaway(id);
  talk.exchange();
  CHECK(talk.goaway_last == id);
  talk.get(late);
  CHECK(late.closes == 1);
  CHECK(late.heads == 0);
  talk.server.send(id, "data: last\n\n", true);
  talk.exchange();
  CHECK(open.body == "data: last\n\n");
  CHECK(open.complete());
  CHECK(talk.client->finished());
}

TEST_CASE("trailers are not a second head") {
  Response response;
  Conversation talk;
  const StreamId id = talk.get(response);
  talk.server.interim(id, 200);  // a head without END_STREAM and without a body yet
  talk.server.trailers(id, {{"server-timing", "x"}});
  talk.exchange();
  CHECK(response.head.status == 200);
  CHECK(response.head.fields.empty());
  CHECK(response.complete());
}

TEST_CASE("a PING is answered") {
  Conversation talk;
  talk.client->ping();
  talk.exchange();
  CHECK(talk.server.pings == 1);
  CHECK(talk.pongs == 1);
}

TEST_CASE("every open stream is closed when the session goes, once") {
  Response open, done;
  {
    Conversation talk;
    talk.get(open);
    talk.server.respond(talk.get(done), 200, {}, true);
    talk.exchange();
  }
  CHECK(open.closes == 1);
  CHECK(open.code == static_cast<std::uint32_t>(ErrorCode::cancel));
  CHECK(done.closes == 1);
}

TEST_CASE("a server that does not speak HTTP/2 is a connection error") {
  Conversation talk;
  const std::string_view http1 = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n";
  talk.client->receive({reinterpret_cast<const std::uint8_t*>(http1.data()), http1.size()});
  talk.exchange();
  REQUIRE(talk.client->error().has_value());
  CHECK(talk.client->error()->code == static_cast<std::uint32_t>(ErrorCode::frame_size_error));
  CHECK_FALSE(talk.client->error()->reason.empty());
  CHECK(talk.client->finished());
  CHECK(talk.server.goaways == 1);
}

}  // namespace
}  // namespace sluice::proto
