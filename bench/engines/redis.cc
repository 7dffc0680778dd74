// Redis through hiredis: XADD and XREAD of a stream, PUBLISH and SUBSCRIBE of a channel.
#include <hiredis/hiredis.h>
#include <poll.h>

#include <array>
#include <stdexcept>
#include <utility>

#include "bench/engines/engine.h"
#include "bench/engines/intake.h"

namespace sluice::bench {
namespace {

using Connection = std::unique_ptr<redisContext, Destroy<redisFree>>;
using Reply = std::unique_ptr<redisReply, Destroy<freeReplyObject>>;
using Command = std::span<const std::string_view>;

constexpr std::size_t in_flight_max = 2'000, unsent_max = 64;  // commands
constexpr const char* batch = "1000";                          // what the source asks for, too

Connection connect(const EngineOptions& options) {
  const HostPort at = host_port(options.url);
  Connection connection(redisConnect(at.host.c_str(), at.port));
  if (!connection || connection->err != 0) throw std::runtime_error("no connection to " + options.url);
  return connection;
}

[[noreturn]] void fail(const redisContext& connection) {
  throw std::runtime_error(std::string("redis: ") + connection.errstr);
}

void append(redisContext& connection, Command command) {
  std::array<const char*, 8> texts{};
  std::array<std::size_t, 8> sizes{};
  for (std::size_t i = 0; i < command.size(); ++i) {
    texts[i] = command[i].data();
    sizes[i] = command[i].size();
  }
  if (redisAppendCommandArgv(&connection, static_cast<int>(command.size()), texts.data(), sizes.data()) != REDIS_OK)
    fail(connection);
}

void send(redisContext& connection) {
  for (int done = 0; done == 0;)
    if (redisBufferWrite(&connection, &done) != REDIS_OK) fail(connection);
}

Reply checked(const redisContext& connection, void* made) {
  Reply reply(static_cast<redisReply*>(made));
  if (!reply) fail(connection);
  if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error("redis: " + std::string(reply->str, reply->len));
  return reply;
}

Reply next_reply(redisContext& connection) {
  void* made = nullptr;
  if (redisGetReply(&connection, &made) != REDIS_OK) fail(connection);
  return checked(connection, made);
}

class RedisWriter final : public Writer {
 public:
  RedisWriter(const EngineOptions& options, bool stream)
      : connection_(connect(options)), name_(options.name), stream_(stream) {}

  void write(std::string_view payload) override {
    if (stream_)
      append(*connection_, std::array<std::string_view, 5>{"XADD", name_, "*", "data", payload});
    else
      append(*connection_, std::array<std::string_view, 3>{"PUBLISH", name_, payload});
    ++in_flight_;
    if (++unsent_ >= unsent_max) flush();
    while (in_flight_ > in_flight_max) acknowledge();
  }
  void flush() override {
    if (std::exchange(unsent_, 0) != 0) send(*connection_);
  }
  void finish() override {
    flush();
    while (in_flight_ != 0) acknowledge();
  }

 private:
  void acknowledge() {
    (void)next_reply(*connection_);
    --in_flight_;
  }

  Connection connection_;
  const std::string name_;
  const bool stream_;
  std::size_t in_flight_ = 0, unsent_ = 0;
};

class RedisStreamReader final : public Reader {
 public:
  explicit RedisStreamReader(const EngineOptions& options)
      : connection_(connect(options)), name_(options.name), last_("0-0") {
    if (options.from_oldest) return;
    append(*connection_, std::array<std::string_view, 6>{"XREVRANGE", name_, "+", "-", "COUNT", "1"});
    const Reply newest = next_reply(*connection_);
    if (newest->elements != 0) last_ = newest->element[0]->element[0]->str;
  }

  void read(Intake& intake) override {
    append(*connection_,
           std::array<std::string_view, 8>{"XREAD", "COUNT", batch, "BLOCK", "1000", "STREAMS", name_, last_});
    const Reply reply = next_reply(*connection_);
    if (reply->type == REDIS_REPLY_NIL) return;
    const redisReply& entries = *reply->element[0]->element[1];
    for (std::size_t i = 0; i < entries.elements; ++i) {
      const redisReply& data = *entries.element[i]->element[1]->element[1];
      intake.take({data.str, data.len});
    }
    const redisReply& id = *entries.element[entries.elements - 1]->element[0];
    last_.assign(id.str, id.len);
  }

 private:
  Connection connection_;
  const std::string name_;
  std::string last_;
};

class RedisChannelReader final : public Reader {
 public:
  explicit RedisChannelReader(const EngineOptions& options) : connection_(connect(options)) {
    append(*connection_, std::array<std::string_view, 2>{"SUBSCRIBE", options.name});
    (void)next_reply(*connection_);
  }

  void read(Intake& intake) override {
    pollfd readable{connection_->fd, POLLIN, 0};
    if (poll(&readable, 1, read_wait_milliseconds) <= 0) return;
    if (redisBufferRead(connection_.get()) != REDIS_OK) fail(*connection_);
    for (;;) {
      void* made = nullptr;
      if (redisGetReplyFromReader(connection_.get(), &made) != REDIS_OK) fail(*connection_);
      if (made == nullptr) return;
      const Reply message = checked(*connection_, made);
      intake.take({message->element[2]->str, message->element[2]->len});
    }
  }

 private:
  Connection connection_;
};

}  // namespace

std::span<const Engine> redis_engines() {
  static const std::array<Engine, 2> engines = {{
      {"redis-stream", [](const EngineOptions& options) { return std::make_unique<RedisWriter>(options, true); },
       [](const EngineOptions& options) { return std::make_unique<RedisStreamReader>(options); }},
      {"redis-channel", [](const EngineOptions& options) { return std::make_unique<RedisWriter>(options, false); },
       [](const EngineOptions& options) { return std::make_unique<RedisChannelReader>(options); }},
  }};
  return engines;
}

}  // namespace sluice::bench
