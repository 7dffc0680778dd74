// What the wire costs: a DATA frame at 10, 100 and 1,000 streams per connection, a request, and the memory of an idle
// connection, with the shared frame buffer and without.
#include <malloc.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/micro/measure.h"
#include "proto/http2_server.h"

namespace {

using namespace sluice;

struct Owner final : proto::Http2StreamOwner {
  void write_body(std::span<std::uint8_t> out) override { std::memset(out.data(), 'x', out.size()); }
};

class Silent : public proto::Http2Visitor {
 public:
  proto::Http2StreamOwner* on_request(proto::StreamId id, proto::Request&&, bool) override {
    server->respond(id, {200, {{"content-type", "text/event-stream"}, {"cache-control", "no-cache"}}}, ends);
    const auto index = static_cast<std::size_t>(id) / 2;
    while (streams.size() <= index) streams.emplace_back();
    return &streams[index];
  }
  void on_body(proto::StreamId, proto::Http2StreamOwner*, std::span<const std::uint8_t>) override {}
  void on_body_end(proto::StreamId, proto::Http2StreamOwner*) override {}
  void on_window(proto::StreamId, proto::Http2StreamOwner*) override {}
  void on_close(proto::StreamId, proto::Http2StreamOwner*, std::uint32_t) override {}
  void on_pong() override {}
  void on_goaway() override {}
  void on_glitch(proto::Glitch) override {}

  proto::Http2Server* server = nullptr;
  bool ends = false;
  std::deque<Owner> streams;  // by id / 2
};

// One client connection with `count` streams, as bytes: written by hand, HPACK without compression.
struct Connection {
  explicit Connection(int count, bool ends = false) : server(limits(), visitor, {}) {
    visitor.server = &server;
    visitor.ends = ends;
    std::string bytes = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    add(bytes, 4, 0, 0, std::string("\0\4\x7f\xff\xff\xff", 6));  // INITIAL_WINDOW_SIZE
    add(bytes, 4, 1, 0, "");
    add(bytes, 8, 0, 0, std::string("\x7f\xff\0\0", 4));
    for (int stream = 0; stream < count; ++stream) add(bytes, 1, 5, 1 + 2 * stream, block());
    feed(bytes);
  }

  static const proto::Http2Limits& limits() {
    static const proto::Http2Limits limits{.streams = 100'000};
    return limits;
  }
  // GET https://localhost/ (RFC 7541 Appendix A: 2, 7, 4; :authority literal).
  static std::string block() { return "\x82\x87\x84\x01\x09localhost"; }
  static void add(std::string& bytes, int type, int flags, int stream, const std::string& payload) {
    const auto byte = [&](int value) { bytes.push_back(static_cast<char>(value)); };
    const int size = static_cast<int>(payload.size());
    for (const int value : {size >> 16, size >> 8, size, type, flags, stream >> 24, stream >> 16, stream >> 8, stream})
      byte(value);
    bytes += payload;
  }
  void feed(const std::string& bytes) {
    if (server.receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, {})) std::abort();
    ByteBuffer out;
    server.flush(out);
  }

  Silent visitor;
  proto::Http2Server server;
};

void data_frames(const char* name, int streams) {
  Connection connection(streams);
  ByteBuffer out(1 << 20);
  constexpr std::size_t size = 123;
  std::size_t sent = 0;
  std::string update;
  Connection::add(update, 8, 0, 0, std::string("\x40\0\0\0", 4));
  bench::measure(
      name,
      [&] {
        out.clear();
        for (int stream = 0; stream < streams; ++stream) {
          Owner& owner = connection.visitor.streams[static_cast<std::size_t>(stream)];
          if (connection.server.sendable(owner) < size) std::abort();
          connection.server.send_data(owner, size, false, out);
        }
        sent += size * static_cast<std::size_t>(streams);
        if (sent > 0x4000'0000) {
          sent = 0;
          connection.feed(update);
          for (int stream = 0; stream < streams; ++stream) {
            std::string more;
            Connection::add(more, 8, 0, 1 + 2 * stream, std::string("\0\x01\0\0", 4));
            connection.feed(more);
          }
        }
        bench::keep(out);
      },
      streams);
}

void requests() {
  constexpr int count = 100;
  Connection connection(0, true);
  int stream = 1;
  bench::measure(
      "a request and its whole response",
      [&] {
        std::string bytes;
        for (int request = 0; request < count; ++request, stream += 2)
          Connection::add(bytes, 1, 5, stream, Connection::block());
        connection.feed(bytes);
      },
      count);
}

std::size_t heap_bytes() { return mallinfo2().uordblks; }

void memory(const char* name, int streams) {
  constexpr int count = 200;
  const Connection warm(1);  // the thread's buffer and nghttp2's tables
  const std::size_t before = heap_bytes();
  std::vector<std::unique_ptr<Connection>> connections;
  connections.reserve(count);
  for (int i = 0; i < count; ++i) connections.push_back(std::make_unique<Connection>(streams));
  const double each = static_cast<double>(heap_bytes() - before) / count;
  std::printf("%-44s %10.0f B\n", name, each);
}

}  // namespace

int main() {
  data_frames("DATA frame of 123 B, 10 streams", 10);
  data_frames("DATA frame of 123 B, 100 streams", 100);
  data_frames("DATA frame of 123 B, 1000 streams", 1000);
  requests();
  memory("an idle connection", 0);
  memory("an idle connection with 1 stream", 1);
  memory("an idle connection with 101 streams", 101);
  std::printf("%-44s %10s\n", "one frame buffer for all of them",
              proto::Http2Server::shares_frame_buffer() ? "yes" : "no: +16.4 KB each");
}
