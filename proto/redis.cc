#include "proto/redis.h"

#include <hiredis/hiredis.h>

#include <limits>
#include <new>
#include <utility>

#include "proto/check.h"

namespace sluice::proto {
namespace {

constexpr std::size_t command_size_max = 512UL * 1024 * 1024;  // Redis' proto-max-bulk-len; hiredis counts in int

struct FreeReader {
  void operator()(redisReader* reader) const noexcept { redisReaderFree(reader); }
};
struct FreeCommand {
  void operator()(char* command) const noexcept { redisFreeCommand(command); }
};

}  // namespace

void append_redis_command(ByteBuffer& out, std::span<const std::string_view> words) {
  std::vector<const char*> texts;
  std::vector<std::size_t> sizes;
  texts.reserve(words.size());
  sizes.reserve(words.size());
  std::size_t total = 0;
  for (const std::string_view word : words) {
    texts.push_back(word.empty() ? "" : word.data());
    sizes.push_back(word.size());
    total += word.size() + 16;
  }
  check(!words.empty() && total < command_size_max, "a Redis command has words, and no more than Redis takes");
  char* command = nullptr;
  const int size = redisFormatCommandArgv(&command, static_cast<int>(words.size()), texts.data(), sizes.data());
  if (size < 0) throw std::bad_alloc();
  const std::unique_ptr<char, FreeCommand> owned(command);
  out.append(std::string_view(command, static_cast<std::size_t>(size)));
}

// The callbacks build the reply in place: the root belongs to hiredis until it is complete, every other value to the
// array that it is in. A nullptr tells hiredis to fail.
struct RedisReader::Data {
  explicit Data(const Limits& wanted) : limits(wanted), reader(redisReaderCreateWithFunctions(&functions)) {
    if (!reader) throw std::bad_alloc();
    reader->privdata = this;
  }

  static Data& of(const redisReadTask* task) noexcept { return *static_cast<Data*>(task->privdata); }

  // An array's elements were reserved when it announced them, so no value moves while hiredis points to it.
  static RedisReply* add(const redisReadTask* task, RedisReply::Kind kind) noexcept {
    RedisReply* const reply = task->parent == nullptr
                                  ? new RedisReply
                                  : &static_cast<RedisReply*>(task->parent->obj)->elements.emplace_back();
    reply->kind = kind;
    return reply;
  }
  static void* on_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
    const bool error = task->type == REDIS_REPLY_ERROR;
    RedisReply* const reply = add(task, error ? RedisReply::Kind::error : RedisReply::Kind::string);
    reply->text.assign(text, size);
    return reply;
  }
  static void* on_array(const redisReadTask* task, int count) noexcept {
    Data& self = of(task);
    const auto elements = static_cast<std::size_t>(count);
    if (elements > self.limits.reply_elements - self.elements) {
      self.error = "a reply of more than " + std::to_string(self.limits.reply_elements) + " elements";
      return nullptr;
    }
    self.elements += elements;
    RedisReply* const reply = add(task, RedisReply::Kind::array);
    reply->elements.reserve(elements);
    return reply;
  }
  static void* on_integer(const redisReadTask* task, long long value) noexcept {
    RedisReply* const reply = add(task, RedisReply::Kind::integer);
    reply->integer = value;
    return reply;
  }
  static void* on_nil(const redisReadTask* task) noexcept { return add(task, RedisReply::Kind::nil); }
  static void on_free(void* root) noexcept { delete static_cast<RedisReply*>(root); }

  // hiredis keeps a pointer to it, and does not change it.
  redisReplyObjectFunctions functions{on_string, on_array, on_integer, on_nil, on_free};
  const Limits limits;
  std::unique_ptr<redisReader, FreeReader> reader;
  std::size_t pending = 0;   // bytes after the last whole reply
  std::size_t elements = 0;  // of the reply in progress
  std::string error;
};

RedisReader::RedisReader(const Limits& limits) : data_(std::make_unique<Data>(limits)) {}
RedisReader::~RedisReader() = default;

void RedisReader::feed(std::span<const std::uint8_t> bytes) {
  if (!data_->error.empty()) return;
  if (redisReaderFeed(data_->reader.get(), reinterpret_cast<const char*>(bytes.data()), bytes.size()) != REDIS_OK)
    throw std::bad_alloc();
  data_->pending += bytes.size();
}

std::optional<RedisReply> RedisReader::next() {
  Data& data = *data_;
  redisReader& reader = *data.reader;
  if (!data.error.empty()) return std::nullopt;
  void* root = nullptr;
  if (redisReaderGetReply(&reader, &root) != REDIS_OK) {
    if (data.error.empty()) data.error = reader.errstr;
    return std::nullopt;
  }
  const std::unique_ptr<RedisReply> reply(static_cast<RedisReply*>(root));
  const std::size_t rest = reply ? reader.len - reader.pos : 0;
  if (data.pending - rest > data.limits.reply_size) {
    data.error = "a reply of more than " + std::to_string(data.limits.reply_size) + " bytes";
    return std::nullopt;
  }
  if (!reply) return std::nullopt;
  data.pending = rest;
  data.elements = 0;
  return std::move(*reply);
}

const std::string& RedisReader::error() const { return data_->error; }

}  // namespace sluice::proto
