#include "gateway/source/redis_unblock.h"

#include <chrono>
#include <utility>

namespace sluice::source {

using boost::system::result;
using proto::RedisReply;

namespace {

constexpr std::chrono::milliseconds interval{5};

}  // namespace

RedisUnblock::RedisUnblock(boost::asio::io_context& loop, RedisLink& control, std::function<bool()> wanted)
    : control_(control), wanted_(std::move(wanted)), again_(loop) {}

void RedisUnblock::learn_number(RedisLink& reader) {
  number_.clear();
  reader.ask({"CLIENT", "ID"}, [this](const result<RedisReply>& reply) {
    if (!reply) return;
    if (reply->kind == RedisReply::Kind::integer) number_ = std::to_string(reply->integer);
    possible_ = !number_.empty();
  });
}

void RedisUnblock::say() {
  if (std::exchange(saying_, true)) return;
  say_once();
}

void RedisUnblock::say_once() {
  if (!possible_ || !wanted_()) {
    saying_ = false;
    return;
  }
  if (number_.empty()) return say_later();
  control_.ask({"CLIENT", "UNBLOCK", number_}, [this](const result<RedisReply>& reply) {
    if (reply && reply->is_error() && !reply->text.starts_with("BUSY")) possible_ = false;
    say_later();
  });
}

void RedisUnblock::say_later() {
  again_.expires_after(interval);
  again_.async_wait([this](const boost::system::error_code& error) {
    if (!error) say_once();
  });
}

}  // namespace sluice::source
