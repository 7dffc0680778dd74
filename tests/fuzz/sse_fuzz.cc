// Event streams of any bytes. Beyond crashes: cutting a stream into pieces never changes what is read; what is written
// is read back equal but for line ends, and nothing inside it becomes a field; what was read can be written again.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "proto/sse.h"
#include "tests/support/event_transcript.h"

namespace {

using namespace sluice;
namespace sse = proto::sse;

constexpr std::size_t event_size_max = 64;

struct Reading {
  std::vector<std::string> calls;
  std::string last_event_id;
  boost::system::error_code error;
  friend bool operator==(const Reading&, const Reading&) = default;
};

// `sizes`: a byte per piece, used in turn; none: the whole at once.
Reading read(std::string_view bytes, std::string_view sizes = {}, std::size_t size_max = event_size_max) {
  test::EventTranscript transcript;
  sse::Parser parser(transcript, size_max);
  boost::system::error_code error;
  for (std::size_t piece = 0; !bytes.empty() && !error; ++piece) {
    const std::size_t size =
        sizes.empty() ? bytes.size() : std::size_t{1} + static_cast<unsigned char>(sizes[piece % sizes.size()]) % 32;
    for (const std::string_view part : {std::string_view(), bytes.substr(0, size)})
      if (const auto fed = parser.feed(part); !fed) error = fed.error();
    bytes.remove_prefix(std::min(size, bytes.size()));
  }
  return {transcript.lines, parser.last_event_id(), error};
}

// Byte by byte and without any of the encoder's ideas.
std::string normalise_line_ends(std::string_view text) {
  std::string normalised;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\n' && at != 0 && text[at - 1] == '\r') continue;
    normalised.push_back(text[at] == '\r' ? '\n' : text[at]);
  }
  return normalised;
}

void check_cutting(std::string_view sizes, std::string_view bytes) {
  check(read(bytes, sizes) == read(bytes), "pieces change what is read");
  check(read(bytes, std::string_view("\0", 1)) == read(bytes), "single bytes change what is read");
}

void check_writing(std::string_view type, std::string_view id, std::string_view data) {
  if (!sse::valid_field(type) || !sse::valid_field(id)) return;
  std::string comment(data);
  for (char& byte : comment)
    if (byte == '\r' || byte == '\n' || byte == '\0') byte = ' ';
  std::string bytes;
  sse::append_comment(bytes, data);
  sse::append_id(bytes, id);
  const std::size_t before = bytes.size();
  sse::append_event(bytes, type, data);
  check(bytes.size() - before <= 16 + type.size() + data.size() + 16 * sse::line_count(data), "too much overhead");

  test::EventTranscript expected;
  const std::string normalised = normalise_line_ends(data);
  expected.on_comment(comment);
  expected.on_event({.type = type.empty() ? "message" : type, .data = normalised, .last_event_id = id});
  check(read(bytes, {}, bytes.size()).calls == expected.lines, "what was written is not what is read");
}

// Writes every event that it reads.
class Rewriter final : public sse::ParserVisitor {
 public:
  void on_event(const sse::EventView& event) override {
    if (!sse::valid_field(event.type)) return;  // only a type with NUL
    sse::append_id(bytes, event.last_event_id);
    sse::append_event(bytes, event.type, event.data);
    expected.on_event(event);
  }
  std::string bytes;
  test::EventTranscript expected;
};

void check_rewriting(std::string_view bytes) {
  Rewriter rewriter;
  sse::Parser parser(rewriter);
  check(parser.feed(bytes).has_value(), "a small stream is refused");
  check(read(rewriter.bytes, {}, bytes.size()).calls == rewriter.expected.lines, "an event changes when written again");
}

// The first bytes of the input, as many as the byte before them says.
std::string_view take(std::string_view& input) {
  if (input.empty()) return {};
  const std::size_t size = static_cast<unsigned char>(input.front()) % 32;
  input.remove_prefix(1);
  const std::string_view taken = input.substr(0, size);
  input.remove_prefix(taken.size());
  return taken;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::string_view first = take(input), second = take(input);
  check_cutting(first, input);
  check_writing(first, second, input);
  check_rewriting(input);
  (void)sse::valid_utf8(input);
  return 0;
}
