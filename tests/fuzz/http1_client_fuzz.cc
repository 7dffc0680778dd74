// What an HTTP/1.1 server may send. Beyond crashes: cutting the bytes into pieces never changes what is read; a body
// has the length that its head gave it; a client that asks again and again closes each request once and never reads a
// response for which nobody asked.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "proto/check.h"
#include "proto/http1_client.h"
#include "tests/support/http1_reading.h"

namespace {

using namespace sluice;
using test::Http1Reading;

// Small, so that the fuzzer finds them.
constexpr proto::Http1Limits limits{.header_bytes_max = 128, .fields_max = 6, .interim_max = 3};

void check_cutting(std::string_view sizes, std::string_view bytes, bool ended, bool to_head) {
  const auto read = [&](auto piece_size) { return test::read_http1(bytes, piece_size, ended, to_head, limits); };
  const Http1Reading whole = read([&](std::size_t) { return bytes.size(); });
  check(read([](std::size_t) { return std::size_t{1}; }) == whole, "single bytes change what is read");
  check(read([&](std::size_t n) {
          return sizes.empty() ? std::size_t{3}
                               : std::size_t{1} + static_cast<unsigned char>(sizes[n % sizes.size()]) % 32;
        }) == whole,
        "pieces change what is read");
  check(whole.error.empty() || !whole.complete, "a response is complete or wrong");
  check(!to_head || whole.body.empty(), "the answer to a HEAD has no body");
  check(!whole.head.ends_with('\n') || whole.body.empty(), "what has no body gets none");
}

struct Asker final : proto::ResponseVisitor {
  void on_head(proto::StreamId id, proto::ResponseHead&& head, bool) override {
    check(id == open && !has_head && head.status >= 200, "one final head for the request that is open");
    has_head = true;
  }
  void on_body(proto::StreamId id, std::span<const std::uint8_t> bytes) override {
    check(id == open && has_head && !bytes.empty(), "a body follows its head");
  }
  void on_close(proto::StreamId id, std::uint32_t code) override {
    check(id == open && (code != 0 || has_head), "the open request is closed, in good order only with a head");
    open = 0;
    has_head = false;
  }
  proto::StreamId open = 0;
  bool has_head = false;
};

// Asks again as long as it may; one decision for each piece.
void check_asking(std::string_view decisions, std::string_view bytes, bool ended) {
  Asker asker;
  ByteBuffer out;
  {
    proto::Http1Client client(limits);
    proto::StreamId next = 1;
    for (std::size_t n = 0; !bytes.empty(); ++n) {
      if (client.idle()) {
        check(asker.open == 0, "an idle client has no request");
        asker.open = next++;
        client.request(asker.open, {n % 3 == 1 ? "HEAD" : "GET", "http", "a", "/", "", {}}, asker);
      }
      const std::size_t decision = decisions.empty() ? 9 : static_cast<unsigned char>(decisions[n % decisions.size()]);
      if (decision == 255) client.abandon();
      client.flush(out);
      const std::string_view piece = bytes.substr(0, std::size_t{1} + decision % 64);
      client.receive(test::octets(piece));
      bytes.remove_prefix(piece.size());
    }
    if (ended) client.receive_end();
    client.flush(out);
    check(!(client.error() && client.finished()), "a connection ends in good order or does not");
    check(client.busy() == (asker.open != 0), "a request is open as long as it is not closed");
  }
  check(asker.open == 0, "every request is closed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  if (input.empty()) return 0;
  const auto mode = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const std::string_view sizes = input.substr(0, mode % 16);
  input.remove_prefix(sizes.size());
  check_cutting(sizes, input, (mode & 0x10) != 0, (mode & 0x20) != 0);
  check_asking(sizes, input, (mode & 0x10) != 0);
  return 0;
}
