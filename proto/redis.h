// RESP2, the protocol of Redis, as a pure machine over hiredis' formatter and reader: commands out as bytes, replies in
// as values. Used by source/redis_connection, one reader per connection, on its thread. It knows nothing of what was
// asked: replies come in the order of the commands, and pushes of SUBSCRIBE among them, which the caller tells apart.
// It never hands out a part of a reply. Invariant: cutting the bytes anywhere never changes the replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/byte_buffer.h"

namespace sluice::proto {

struct RedisReply {
  enum class Kind : std::uint8_t { nil, integer, string, error, array };

  Kind kind = Kind::nil;
  std::int64_t integer = 0;
  std::string text;  // of a string, simple or bulk, or of an error; any bytes
  std::vector<RedisReply> elements;

  [[nodiscard]] bool is_error() const { return kind == Kind::error; }
  [[nodiscard]] bool is_array() const { return kind == Kind::array; }
  friend bool operator==(const RedisReply&, const RedisReply&) = default;
};

// The command as an array of bulk strings. `words` is not empty and below 512 MiB in all, which Redis takes at most.
void append_redis_command(ByteBuffer& out, std::span<const std::string_view> words);

class RedisReader {
 public:
  struct Limits {
    std::size_t reply_size = 64 * 1024 * 1024;  // bytes of one reply on the wire
    std::size_t reply_elements = 1 << 20;       // of all its arrays together; counted when an array announces them
  };

  RedisReader() : RedisReader(Limits()) {}
  explicit RedisReader(const Limits& limits);
  ~RedisReader();
  RedisReader(const RedisReader&) = delete;
  RedisReader& operator=(const RedisReader&) = delete;

  void feed(std::span<const std::uint8_t> bytes);
  // The next whole reply, to be read or moved from before the next call. nullptr: more bytes are needed, or error() is
  // not empty and none will come any more.
  [[nodiscard]] RedisReply* next();
  // Of that one, in bytes on the wire.
  [[nodiscard]] std::size_t size() const;
  // One that was moved out, and is done with: its memory serves the next that begins like it.
  void give_back(RedisReply&& reply);
  // What broke the protocol or a limit, for a person; the connection is of no more use. Arrays may be eight levels
  // deep, which is hiredis' limit.
  [[nodiscard]] const std::string& error() const;

 private:
  struct Data;
  std::unique_ptr<Data> data_;
};

}  // namespace sluice::proto
