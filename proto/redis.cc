#include "proto/redis.h"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "proto/check.h"

namespace sluice::proto {
namespace {

constexpr std::size_t command_size_max = 512UL * 1024 * 1024;  // Redis' proto-max-bulk-len; hiredis counts in int
// hiredis moves what it still holds to the front of its buffer after each KB of replies: a whole read of 64 KB, given
// to it at once, was moved sixty times (a fifth of the CPU time of a channel's events).
constexpr std::size_t slice_size = 2 * 1024;
// The memory of a larger reply is given back.
constexpr std::size_t kept_reply_size_max = 1024UL * 1024;

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

// The callbacks build the reply in place: the root in the reader's own, every other value in the array that it is in.
// What the last reply had there is written over, so that its memory is used again. A nullptr tells hiredis to fail.
struct RedisReader::Data {
  explicit Data(const Limits& wanted) : limits(wanted), reader(redisReaderCreateWithFunctions(&functions)) {
    if (!reader) throw std::bad_alloc();
    reader->privdata = this;
  }

  static Data& of(const redisReadTask* task) noexcept { return *static_cast<Data*>(task->privdata); }

  static RedisReply* place_of(const redisReadTask* task) noexcept {
    if (task->parent == nullptr) return &of(task).root;
    std::vector<RedisReply>& elements = static_cast<RedisReply*>(task->parent->obj)->elements;
    const auto index = static_cast<std::size_t>(task->idx);
    return index < elements.size() ? &elements[index] : &elements.emplace_back();
  }

  static RedisReply* add(const redisReadTask* task, RedisReply::Kind kind) noexcept {
    RedisReply* const reply = place_of(task);
    reply->kind = kind;
    reply->integer = 0;
    reply->text.clear();
    if (kind != RedisReply::Kind::array) reply->elements.clear();
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
    if (task->parent == nullptr && reply->elements.capacity() == 0 && self.given_back.elements.size() == elements)
      reply->elements.swap(self.given_back.elements);
    // Room for all at once: no value moves while hiredis points to it.
    if (reply->elements.size() > elements) reply->elements.resize(elements);
    reply->elements.reserve(elements);
    return reply;
  }
  static void* on_integer(const redisReadTask* task, long long value) noexcept {
    RedisReply* const reply = add(task, RedisReply::Kind::integer);
    reply->integer = value;
    return reply;
  }
  static void* on_nil(const redisReadTask* task) noexcept { return add(task, RedisReply::Kind::nil); }
  static void on_free(void*) noexcept {}  // of a reply that is not to be had whole: an error follows

  // hiredis keeps a pointer to it, and does not change it.
  redisReplyObjectFunctions functions{on_string, on_array, on_integer, on_nil, on_free};
  const Limits limits;
  RedisReply root, given_back;
  // Gives hiredis the next slice. False: there is none.
  bool feed_slice() {
    const std::span<const std::uint8_t> slice = unfed.bytes().subspan(fed, std::min(slice_size, unfed.size() - fed));
    if (slice.empty()) return false;
    if (redisReaderFeed(reader.get(), reinterpret_cast<const char*>(slice.data()), slice.size()) != REDIS_OK)
      throw std::bad_alloc();
    pending += slice.size();
    fed += slice.size();
    if (fed == unfed.size()) {
      unfed.clear();
      fed = 0;
    }
    return true;
  }

  std::unique_ptr<redisReader, FreeReader> reader;
  ByteBuffer unfed;  // from `fed` on: what hiredis has not been given
  std::size_t fed = 0;
  std::size_t pending = 0;   // bytes given to it after the last whole reply
  std::size_t size = 0;      // of the last whole reply
  std::size_t elements = 0;  // of the reply in progress
  bool complete = false;     // the last one was handed out
  std::string error;
};

RedisReader::RedisReader(const Limits& limits) : data_(std::make_unique<Data>(limits)) {}
RedisReader::~RedisReader() = default;

void RedisReader::feed(std::span<const std::uint8_t> bytes) {
  if (!data_->error.empty()) return;
  data_->unfed.consume(std::exchange(data_->fed, 0));
  data_->unfed.append(bytes);
}

RedisReply* RedisReader::next() {
  Data& data = *data_;
  redisReader& reader = *data.reader;
  if (!data.error.empty()) return nullptr;
  if (std::exchange(data.complete, false) && data.size > kept_reply_size_max) data.root = RedisReply();
  void* root = nullptr;
  do {
    if (redisReaderGetReply(&reader, &root) != REDIS_OK) {
      if (data.error.empty()) data.error = reader.errstr;
      return nullptr;
    }
    const std::size_t rest = root != nullptr ? reader.len - reader.pos : 0;
    data.size = data.pending - rest;
    if (data.size > data.limits.reply_size) {
      data.error = "a reply of more than " + std::to_string(data.limits.reply_size) + " bytes";
      return nullptr;
    }
  } while (root == nullptr && data.feed_slice());
  if (root == nullptr) return nullptr;
  data.pending = reader.len - reader.pos;
  data.elements = 0;
  data.complete = true;
  return &data.root;
}

std::size_t RedisReader::size() const { return data_->size; }

void RedisReader::give_back(RedisReply&& reply) { data_->given_back = std::move(reply); }

const std::string& RedisReader::error() const { return data_->error; }

}  // namespace sluice::proto
