// Redis replies for tests: values written short, and their bytes as a server would send them. The writer is ours and
// simple on purpose, so that a mistake of the reader cannot hide in it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/redis.h"

namespace sluice::test {

using proto::RedisReply;

inline RedisReply nil() { return {}; }
inline RedisReply integer(std::int64_t value) { return {RedisReply::Kind::integer, value, {}, {}}; }
inline RedisReply text(std::string_view bytes) { return {RedisReply::Kind::string, 0, std::string(bytes), {}}; }
inline RedisReply failure(std::string_view bytes) { return {RedisReply::Kind::error, 0, std::string(bytes), {}}; }
inline RedisReply array(std::vector<RedisReply> elements) {
  return {RedisReply::Kind::array, 0, {}, std::move(elements)};
}
inline RedisReply texts(const std::vector<std::string_view>& words) {
  RedisReply reply = array({});
  for (const std::string_view word : words) reply.elements.push_back(text(word));
  return reply;
}

// Strings as bulk strings, since a simple one cannot hold a line end.
inline std::string reply_bytes(const RedisReply& reply) {
  switch (reply.kind) {
    case RedisReply::Kind::nil:
      return "$-1\r\n";
    case RedisReply::Kind::integer:
      return ":" + std::to_string(reply.integer) + "\r\n";
    case RedisReply::Kind::string:
      return "$" + std::to_string(reply.text.size()) + "\r\n" + reply.text + "\r\n";
    case RedisReply::Kind::error:
      return "-" + reply.text + "\r\n";
    case RedisReply::Kind::array:
      break;
  }
  std::string bytes = "*" + std::to_string(reply.elements.size()) + "\r\n";
  for (const RedisReply& element : reply.elements) bytes += reply_bytes(element);
  return bytes;
}

}  // namespace sluice::test
