// RedisTalk: a RedisConnection on a loop of the test's own, and what was heard from it. The clock is real: the waits of
// these tests are milliseconds, and the connection's own times are cut to match.
#pragma once

#include <doctest/doctest.h>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/source/redis_connection.h"
#include "tests/support/redis_replies.h"

namespace sluice::source {

using namespace std::chrono_literals;

struct Heard final : RedisVisitor {
  void on_up() override {
    ++ups;
    if (when_up) when_up();
  }
  void on_down(const std::string& why) override {
    downs.push_back(why);
    if (when_down) when_down();
  }
  void on_message(proto::RedisReply&& message) override {
    messages.push_back(std::move(message));
    if (when_message) when_message();
  }
  int ups = 0;
  std::vector<std::string> downs;
  std::vector<proto::RedisReply> messages;
  std::function<void()> when_up, when_down, when_message;
};

// Of one command, once it is there.
struct Answer {
  std::optional<boost::system::result<proto::RedisReply>> result;
  int count = 0;
  [[nodiscard]] bool is(const proto::RedisReply& reply) const { return result && *result && **result == reply; }
  [[nodiscard]] bool is(boost::asio::error::basic_errors error) const { return result && result->error() == error; }
};

// Quick, and still far above what one turn takes under a sanitizer on a busy machine.
inline RedisConnection::Options quick(const RedisUrl& url) {
  return {.url = url, .ping_interval = 2'000ms, .answer_timeout = 2'000ms, .backoff_least = 2ms, .backoff_most = 20ms};
}

struct RedisTalk {
  explicit RedisTalk(boost::asio::io_context& on, RedisConnection::Options options) : loop(on) {
    connection = std::make_unique<RedisConnection>(loop, buffers, heard, std::move(options));
  }

  template <class Done>
  void until(Done done, std::chrono::milliseconds time = 60s) {
    const auto deadline = std::chrono::steady_clock::now() + time;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      if (loop.stopped()) loop.restart();
      loop.run_one_for(20ms);
    }
    CHECK(done());
  }
  // What does not come within this time was not sent.
  void settle(std::chrono::milliseconds time = 50ms) {
    if (loop.stopped()) loop.restart();
    loop.run_for(time);
  }
  void come_up() {
    const int before = heard.ups;
    connection->start();
    until([&] { return heard.ups > before; });
  }

  std::shared_ptr<Answer> ask(const std::vector<std::string_view>& words, std::chrono::milliseconds block = 0ms) {
    auto answer = std::make_shared<Answer>();
    connection->command(words, keep(answer), block);
    CHECK(answer->count == 0);  // never from inside
    return answer;
  }
  std::shared_ptr<Answer> subscribe(const std::vector<std::string_view>& words) {
    auto answer = std::make_shared<Answer>();
    connection->subscribe(words, keep(answer));
    CHECK(answer->count == 0);
    return answer;
  }
  // Asks and waits for the reply.
  proto::RedisReply say(const std::vector<std::string_view>& words, std::chrono::milliseconds block = 0ms) {
    const auto answer = ask(words, block);
    until([&] { return answer->count == 1; });
    return answer->result && *answer->result ? **answer->result : test::failure("no reply");
  }

  static RedisConnection::Done keep(const std::shared_ptr<Answer>& answer) {
    return [answer](const boost::system::result<proto::RedisReply>& result) {
      answer->result = result;
      ++answer->count;
    };
  }

  boost::asio::io_context& loop;
  client::ReadBuffers buffers;
  Heard heard;
  std::unique_ptr<RedisConnection> connection;
};

}  // namespace sluice::source
