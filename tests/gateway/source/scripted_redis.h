// ScriptedRedis: a Redis of a test's making on a free port, and Story: it and a RedisTalk on one loop. Nothing may be
// left to wait for when a story ends.
#pragma once

#include <map>

#include "tests/gateway/source/redis_talk.h"
#include "tests/support/byte_server.h"

namespace sluice::source {

using test::ByteServer;
using Words = std::vector<std::string>;

// A scripted Redis: each command, as one line, is answered by `on_command`; the introduction is answered well unless
// `on_greeting` says otherwise.
struct ScriptedRedis {
  using Script = std::function<std::optional<proto::RedisReply>(ByteServer::Connection&, const std::string& line)>;

  explicit ScriptedRedis(boost::asio::io_context& loop, Script on_command = {})
      : script(std::move(on_command)),
        server(loop, nullptr, [this](auto& there, std::string_view bytes) { take(there, bytes); }) {}

  void take(ByteServer::Connection& there, std::string_view bytes) {
    proto::RedisReader& reader = readers[&there];  // a command is written as a reply is
    reader.feed({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    while (const auto command = reader.next()) {
      std::string line;
      for (const proto::RedisReply& word : command->elements) line += (line.empty() ? "" : " ") + word.text;
      lines.push_back(line);
      if (const auto reply = answer(there, line)) there.send(test::reply_bytes(*reply));
    }
  }
  std::optional<proto::RedisReply> answer(ByteServer::Connection& there, const std::string& line) {
    const bool greets = line.starts_with("AUTH ") || line.starts_with("SELECT ") || line.starts_with("CLIENT SETNAME ");
    if (on_greeting)
      if (auto reply = on_greeting(there, line)) return reply;
    if (greets) return test::text("OK");
    if (line == "PING" && answers_ping) return test::text("PONG");
    return script ? script(there, line) : std::nullopt;
  }
  [[nodiscard]] RedisUrl url(const std::string& account = "", const std::string& path = "") const {
    return parse_redis_url("redis://" + account + "127.0.0.1:" + std::to_string(server.port()) + path);
  }
  [[nodiscard]] std::string name() const { return "redis at 127.0.0.1:" + std::to_string(server.port()); }
  ByteServer::Connection& there() { return server.connections.back(); }

  Script script, on_greeting;
  bool answers_ping = true;
  std::vector<std::string> lines;
  std::map<ByteServer::Connection*, proto::RedisReader> readers;
  ByteServer server;
};

struct Story {
  explicit Story(ScriptedRedis::Script script = {}) : redis(loop, std::move(script)) {}
  ~Story() {
    talk.reset();
    redis.server.stop_listening();
    redis.server.cut_all();
    if (loop.stopped()) loop.restart();
    loop.run_for(std::chrono::seconds(5));
    CHECK(loop.stopped());  // nothing is left to wait for
  }
  RedisTalk& begin(RedisConnection::Options options) { return talk.emplace(loop, std::move(options)); }
  RedisTalk& begin() { return begin(quick(redis.url())); }
  RedisTalk& begin_up() {
    begin().come_up();
    return *talk;
  }

  boost::asio::io_context loop{1};
  ScriptedRedis redis;
  std::optional<RedisTalk> talk;
};

inline std::optional<proto::RedisReply> echo(ByteServer::Connection&, const std::string& line) {
  return test::text(line);
}

}  // namespace sluice::source
