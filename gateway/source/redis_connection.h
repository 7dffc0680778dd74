// RedisConnection: a connection to a Redis server that stays: it connects, introduces itself (AUTH, SELECT, CLIENT
// SETNAME), carries pipelined commands, notices a server that hangs, and comes back after a loss. Owned by an adapter,
// on its home worker's loop and thread. It never repeats a command: who asked is told of the loss, and asks again.
//
//   a command        command() → done(reply); an error reply of the server is a reply
//   a transaction    transaction() → done(array of replies); or the first refusal of the server
//   a subscription   subscribe() → done(last confirmation), on_message…; anew after each on_up
//   a loss           done(connection_aborted) for each command in flight → on_down → backoff → on_up
// Every callback comes from the loop, never from inside a call; it may call everything here, and may destroy the
// connection. Invariant: each command is answered exactly once, in order, unless the connection is destroyed first.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/client/byte_connection.h"
#include "gateway/source/backoff.h"
#include "gateway/source/redis_url.h"
#include "proto/redis.h"

namespace sluice::source {

class RedisVisitor {
 public:
  virtual void on_up() = 0;
  // The connection was lost, or an attempt to make it failed; the next attempt is planned. `why` is for a person.
  virtual void on_down(const std::string& why) = 0;
  // {"message", channel, payload} or {"pmessage", pattern, channel, payload}
  virtual void on_message(proto::RedisReply&&) {}

 protected:
  ~RedisVisitor() = default;
};

class RedisConnection final : private client::ByteVisitor {
 public:
  using Milliseconds = std::chrono::milliseconds;
  // The reply, or: not_connected (not up: nothing was sent), no_buffer_space (a limit: nothing was sent),
  // connection_aborted (lost: whether the server has done it is unknown), operation_aborted (stop()).
  using Done = std::function<void(boost::system::result<proto::RedisReply>)>;

  struct Options {
    RedisUrl url;
    const proto::TlsContext* tls = nullptr;  // for rediss://; outlives the connection
    std::string client_name = "sluice";      // what CLIENT LIST shows; no blanks
    std::uint64_t seed = 0;                  // of the backoff
    Milliseconds connect_timeout{5'000};     // resolve, connect and handshake together
    // A silent connection is asked PING after the one, and given up after the other: a hung server is noticed within
    // their sum. A blocking command has its own time first.
    Milliseconds ping_interval{4'000}, answer_timeout{4'000};
    Milliseconds backoff_least{500}, backoff_most{30'000};
    proto::RedisReader::Limits reply;
    std::size_t commands_max = 10'000;                  // in flight
    std::size_t unsent_bytes_max = 64UL * 1024 * 1024;  // of commands that the socket did not take
  };

  // `buffers` and `visitor` outlive it.
  RedisConnection(boost::asio::io_context& loop, client::ReadBuffers& buffers, RedisVisitor& visitor, Options options);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  void start();
  // Closes; no on_down. start() may follow.
  void stop();
  // `block`: how long the server may take by the command's own wish (BLOCK), beside the time for an answer.
  void command(std::span<const std::string_view> words, Done done, Milliseconds block = Milliseconds(0));
  // MULTI … EXEC around `commands`, all or none of it sent. An error reply is the first refusal that the server gave:
  // EXECABORT alone does not say why.
  void transaction(std::span<const std::vector<std::string_view>> commands, Done done);
  // (P)SUBSCRIBE or (P)UNSUBSCRIBE with its channels, of which there is at least one: each is confirmed.
  void subscribe(std::span<const std::string_view> words, Done done);
  // Backpressure: no more replies or messages until resume_reading(), and the server is stopped by TCP's window.
  // Nothing is noticed meanwhile, the server's end neither. A new connection begins unpaused.
  void pause_reading();
  void resume_reading();

  [[nodiscard]] bool up() const { return state_ == State::up; }
  // Why it is not up, for a person, with the remedy where there is one; empty while up, and before the first attempt.
  [[nodiscard]] const std::string& error() const { return error_; }
  // How often it came up.
  [[nodiscard]] std::uint64_t up_count() const { return up_count_; }
  // Of the reply that is being told, on the wire.
  [[nodiscard]] std::size_t reply_size() const { return reader_->size(); }
  // RedisReader::give_back().
  void give_back(proto::RedisReply&& reply) {
    if (reader_) reader_->give_back(std::move(reply));
  }
  // When the bytes came of which it reads replies.
  [[nodiscard]] std::chrono::steady_clock::time_point heard() const { return heard_; }
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }

 private:
  enum class State : std::uint8_t { stopped, waiting, connecting, greeting, up };
  using Clock = std::chrono::steady_clock;

  struct Command {
    Done done;
    Milliseconds block;
    std::size_t answers;  // still to come; an error is the last
    Clock::time_point sent;
  };

  void on_open() override;
  void on_bytes(std::span<const std::uint8_t> bytes) override;
  void on_closed(client::CloseReason why, const std::string& text) override;

  void connect();
  void greet();
  // `harmless`: how an error begins that does not keep the connection from being used.
  void on_greeted(const boost::system::result<proto::RedisReply>& reply, std::optional<std::string_view> harmless);
  void take_replies();
  void take(proto::RedisReply&& reply);
  void ask(std::span<const std::string_view> words, Done done, Milliseconds block, std::size_t answers);
  void add(std::span<const std::string_view> words, Done done, Milliseconds block, std::size_t answers);
  // A limit stands against one more, or against so many.
  [[nodiscard]] bool is_full(std::size_t commands) const;
  void flush_later();
  void flush();
  void lose(std::string why);
  void post_answer(Done done, const boost::system::error_code& error);
  [[nodiscard]] bool connected() const { return state_ == State::greeting || state_ == State::up; }
  [[nodiscard]] Clock::time_point due() const;
  void arm();
  void on_time();

  boost::asio::io_context& loop_;
  RedisVisitor& visitor_;
  const Options options_;
  client::ByteConnection connection_;
  boost::asio::steady_timer timer_;  // of the next attempt, or for silence
  Backoff backoff_;
  std::unique_ptr<proto::RedisReader> reader_;
  std::deque<Command> in_flight_;
  ByteBuffer outgoing_;  // commands of this turn
  std::string error_;
  std::uint64_t up_count_ = 0;
  std::size_t greetings_ = 0;  // answers until it is up
  Clock::time_point heard_{}, attempt_at_{}, armed_until_ = Clock::time_point::max();
  State state_ = State::stopped;
  bool flush_posted_ = false, subscribed_ = false, paused_ = false;
  bool silent_ = true;  // nothing has come yet on this connection
  // Expires with the connection: a late completion, or a callback that has destroyed it, is seen by that.
  std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace sluice::source
