// The HTTP/2 session under arbitrary bytes and arbitrary frames. Oracles: every announced stream closes exactly once;
// what the session writes is whole frames on legal streams; the answers that nobody reads stay bounded; and how the
// bytes were cut changes neither what it tells nor what it writes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "proto/check.h"
#include "proto/http2_server.h"
#include "tests/support/frames.h"

namespace {

using namespace sluice;
using namespace sluice::test;
using proto::Http2Server;

// Bytes of the fuzzer as decisions; 0 when they are used up.
class Decisions {
 public:
  explicit Decisions(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::string text(std::size_t size) {
    size = std::min(size, bytes_.size());
    std::string value(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(size));
    bytes_ = bytes_.subspan(size);
    return value;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

StreamId some_stream(Decisions& decisions) { return decisions.byte() % 12; }

void add_frame(Frames& frames, Decisions& decisions) {
  static const Fields more[] = {{},
                                {{"content-length", "3"}},
                                {{"x", "a\rb"}},
                                {{"host", "other"}},
                                {{"cookie", "a=1"}, {"cookie", "b=2"}},
                                {{"x", std::string(9000, 'v')}}};
  const std::uint8_t kind = decisions.byte();
  switch (kind % 14) {
    case 0:
      frames.headers(some_stream(decisions), get("/", more[decisions.byte() % std::size(more)]));
      break;
    case 1:
      frames.headers(some_stream(decisions), post("/p?q", more[decisions.byte() % std::size(more)]), false);
      break;
    case 2:
      frames.headers(some_stream(decisions), get("/"), true, false);
      break;
    case 3:
      frames.headers(some_stream(decisions), {{"trailer", "1"}});
      break;
    case 4:
      frames.data(some_stream(decisions), std::string(decisions.byte() % 64 * 100, 'x'), kind > 127);
      break;
    case 5:
      frames.rst(some_stream(decisions), decisions.byte());
      break;
    case 6:
      frames.window_update(some_stream(decisions), std::uint32_t{decisions.byte()} << (decisions.byte() % 24));
      break;
    case 7:
      frames.settings({{decisions.byte() % 10, std::uint32_t{decisions.byte()} << (decisions.byte() % 24)}});
      break;
    case 8:
      frames.ping("12345678", kind > 127);
      break;
    case 9:
      frames.priority(some_stream(decisions), decisions.byte());
      break;
    case 10:
      frames.goaway(decisions.byte(), decisions.byte());
      break;
    case 11:
      frames.continuation(some_stream(decisions), decisions.text(decisions.byte() % 16), kind > 127);
      break;
    case 12:
      frames.frame(static_cast<FrameType>(decisions.byte()), decisions.byte(), some_stream(decisions),
                   decisions.text(decisions.byte() % 32));
      break;
    default:
      frames.raw(decisions.text(decisions.byte() % 64));
  }
}

struct Owner final : proto::Http2StreamOwner {
  void write_body(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), std::uint8_t{'x'}); }
};

class Witness final : public proto::Http2Visitor {
 public:
  proto::Http2StreamOwner* on_request(StreamId id, proto::Request&& request, bool body_follows) override {
    note("request", id);
    log += request.method + request.path + request.query;
    check(request.path.starts_with('/') || request.path == "*", "a path");
    check(!open.contains(id), "announced once");
    open[id] = 0;
    // A conduct that depends on the stream alone.
    switch (id / 2 % 4) {
      case 0:
        server->respond(id, {200, {{"content-type", "text/event-stream"}}}, false);
        break;
      case 1:
        server->respond(id, {204, {}}, true);
        break;
      case 2:
        server->reset(id, proto::ErrorCode::cancel);
        break;
      default:
        break;  // silent
    }
    if (body_follows) log += "+";
    return &owners[id];
  }
  void on_body(StreamId id, proto::Http2StreamOwner*, std::span<const std::uint8_t> bytes) override {
    check(open.contains(id), "body of an open stream");
    open[id] += bytes.size();
  }
  void on_body_end(StreamId id, proto::Http2StreamOwner*) override {
    check(open.contains(id), "body end of an open stream");
    note("end", id);
    log += "+" + std::to_string(open[id]);
    server->consume(id, open[id]);
    if (id / 2 % 4 == 3) server->respond(id, {200, {}}, false);
  }
  void on_window(StreamId id, proto::Http2StreamOwner*) override {
    note("window", id);
    ByteBuffer nowhere;
    if (id == 5) server->end_stream(id, nowhere);
    check(nowhere.empty(), "a callback writes nothing");
  }
  void on_close(StreamId id, proto::Http2StreamOwner*, std::uint32_t code) override {
    check(open.erase(id) == 1, "closed once");
    closes += " close" + std::to_string(id) + " " + std::to_string(code);
  }
  void on_pong() override {}
  void on_goaway() override { note("goaway", 0); }
  void on_glitch(proto::Glitch glitch) override { closes += name(glitch); }
  void note(const char* what, StreamId id) { log += std::string(" ") + what + std::to_string(id); }

  Http2Server* server = nullptr;
  std::map<StreamId, Owner> owners;
  std::map<StreamId, std::size_t> open;
  std::string log, closes;
};

struct Outcome {
  bool failed = false;
  std::string log, closes, written, frames;

  [[nodiscard]] bool same_as(const Outcome& other) const {
    if (failed != other.failed || log != other.log || frames != other.frames) return false;
    return failed || (closes == other.closes && written == other.written);
  }
};

Outcome run(std::string_view bytes, std::size_t piece) {
  static const proto::Http2Limits limits;
  Witness witness;
  ByteBuffer out;
  bool failed = false;
  {
    Http2Server server(limits, witness, {});
    witness.server = &server;
    while (!bytes.empty() && !failed) {
      const std::size_t size = std::min(piece, bytes.size());
      const auto error = server.receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), size}, {});
      failed = error.has_value();
      bytes.remove_prefix(size);
    }
    server.flush(out);
    check(out.size() <= limits.control_bytes + 1024 * limits.streams + 70'000, "unread answers are bounded");
    check(!server.wants_flush(), "everything was written");
    check(!failed || server.finished(), "a failed session is finished");
    for (StreamId id = 0; id < 40; ++id) {
      Owner& owner = witness.owners[id];
      const std::size_t size = server.sendable(owner);
      check(!failed || size == 0, "a failed session sends nothing");
      if (size != 0) server.send_data(owner, std::min<std::size_t>(size, 100), id % 3 == 0, out);
      if (id % 5 == 0) server.end_stream(id, out);
    }
    server.goaway(proto::ErrorCode::no_error);
    server.flush(out);
    check(server.stream_count() >= witness.open.size(), "streams that are open are counted");
  }
  check(witness.open.empty(), "every announced stream is closed");
  std::vector<Frame> frames = read_frames(out.text());
  for (const Frame& frame : frames) {
    check(frame.header.length <= 16'384, "no frame above the peer's least limit");
    check(frame.header.stream == 0 || frame.header.stream % 2 == 1, "no stream of ours");
  }
  std::erase_if(frames, [](const Frame& frame) {
    return frame.header.type == FrameType::rst_stream || frame.header.type == FrameType::window_update;
  });
  return {failed, witness.log, witness.closes, std::string(out.text()), list(frames)};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Decisions decisions({data, size});
  Frames frames;
  const std::uint8_t mode = decisions.byte();
  const std::size_t piece = 1 + decisions.byte() % 40;
  if (mode % 4 != 0) frames.open();
  if (mode % 8 == 1) {
    frames.raw(decisions.text(size));
  } else {
    while (!decisions.empty()) add_frame(frames, decisions);
  }
  const Outcome whole = run(frames.text(), frames.text().size());
  check(run(frames.text(), piece).same_as(whole), "pieces of some size change nothing");
  check(run(frames.text(), 1).same_as(whole), "single bytes change nothing");
  return 0;
}
