// RedisLink: one RedisConnection of an adapter with its two events as calls, so that an adapter may have several.
// Owned by the adapter, on its home worker's loop. Invariant: started at most once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/source/redis_connection.h"

namespace sluice::source {

class RedisLink final : private RedisVisitor {
 public:
  RedisLink(boost::asio::io_context& loop, client::ReadBuffers& buffers, RedisConnection::Options options)
      : connection_(loop, buffers, *this, std::move(options)) {}

  std::function<void()> up = [] {};
  std::function<void(const std::string&)> down = [](const std::string&) {};
  std::function<void(proto::RedisReply&&)> message = [](proto::RedisReply&&) {};

  void start() { connection_.start(); }
  void ask(const std::vector<std::string>& words, RedisConnection::Done done,
           RedisConnection::Milliseconds block = RedisConnection::Milliseconds(0)) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    connection_.command(views, std::move(done), block);
  }
  void transaction(const std::vector<std::vector<std::string>>& commands, RedisConnection::Done done) {
    std::vector<std::vector<std::string_view>> views;
    views.reserve(commands.size());
    for (const auto& words : commands) views.emplace_back(words.begin(), words.end());
    connection_.transaction(views, std::move(done));
  }
  void subscribe(const std::vector<std::string>& words, RedisConnection::Done done) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    connection_.subscribe(views, std::move(done));
  }
  [[nodiscard]] RedisConnection& connection() { return connection_; }
  [[nodiscard]] bool is_up() const { return connection_.up(); }

 private:
  void on_up() override { up(); }
  void on_down(const std::string& why) override { down(why); }
  void on_message(proto::RedisReply&& reply) override { message(std::move(reply)); }

  RedisConnection connection_;
};

}  // namespace sluice::source
