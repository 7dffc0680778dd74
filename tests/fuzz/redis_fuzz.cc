// Replies of any bytes, and commands of any words. Beyond crashes: cutting the bytes never changes the replies, nor
// whether they end in an error; what was read can be written and is read back equal; a command reads back as its words.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "proto/check.h"
#include "proto/redis.h"
#include "tests/support/redis_replies.h"

namespace {

using namespace sluice;
using proto::RedisReader;
using proto::RedisReply;

// Small, so that the fuzzer finds them.
constexpr RedisReader::Limits limits{.reply_size = 64, .reply_elements = 12};

struct Reading {
  std::vector<RedisReply> replies;
  bool failed = false;
  friend bool operator==(const Reading&, const Reading&) = default;
};

// `sizes`: a byte per piece, used in turn; none: the whole at once.
Reading read(std::string_view bytes, std::string_view sizes = {}, const RedisReader::Limits& most = limits) {
  RedisReader reader(most);
  Reading reading;
  for (std::size_t piece = 0; !bytes.empty(); ++piece) {
    const std::size_t wanted =
        sizes.empty() ? bytes.size() : std::size_t{1} + static_cast<unsigned char>(sizes[piece % sizes.size()]) % 32;
    const std::size_t size = std::min(wanted, bytes.size());
    reader.feed({reinterpret_cast<const std::uint8_t*>(bytes.data()), size});
    while (auto reply = reader.next()) reading.replies.push_back(std::move(*reply));
    bytes.remove_prefix(size);
  }
  reading.failed = !reader.error().empty();
  return reading;
}

void check_cutting(std::string_view sizes, std::string_view bytes) {
  const Reading whole = read(bytes);
  check(read(bytes, sizes) == whole, "pieces change what is read");
  check(read(bytes, std::string_view("\0", 1)) == whole, "single bytes change what is read");
}

void check_rewriting(std::string_view bytes) {
  const Reading reading = read(bytes);
  std::string written;
  for (const RedisReply& reply : reading.replies) written += test::reply_bytes(reply);
  const Reading again = read(written, {}, {});
  check(!again.failed && again.replies == reading.replies, "a reply changes when written again");
}

void check_command(std::string_view words_text) {
  std::vector<std::string_view> words;
  for (std::size_t end = 0; end != std::string_view::npos; words_text.remove_prefix(std::min(end, words_text.size()))) {
    end = words_text.find(' ');
    words.push_back(words_text.substr(0, end));
    if (end != std::string_view::npos) ++end;
  }
  ByteBuffer bytes;
  proto::append_redis_command(bytes, words);
  const Reading reading = read(bytes.text(), {}, {});
  check(!reading.failed && reading.replies == std::vector{test::texts(words)}, "a command is not its words");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(bytes), size);
  const std::size_t count = input.empty() ? 0 : static_cast<unsigned char>(input.front()) % 16;
  const std::string_view sizes = input.substr(0, count);
  input.remove_prefix(sizes.size());
  check_cutting(sizes, input);
  check_rewriting(input);
  check_command(input);
  return 0;
}
