// RedisUnblock: ends the XREAD in which a reader waits, by CLIENT UNBLOCK on the control connection. It may come there
// before the XREAD that it is to end: so it is said every few milliseconds, as long as it is wanted. Owned by a
// RedisGroup, on its home worker's loop. It never touches the reader's connection, but to ask for its number.
// Invariant: one command is under way, or the next one is due, or it is not wanted.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "gateway/source/redis_link.h"

namespace sluice::source {

class RedisUnblock {
 public:
  // All outlive it. `wanted`: the reader waits, and somebody waits for it.
  RedisUnblock(boost::asio::io_context& loop, RedisLink& control, std::function<bool()> wanted);

  // The reader has a new connection.
  void learn_number(RedisLink& reader);
  void say();
  void stop() { again_.cancel(); }
  // False: the server forbids it.
  [[nodiscard]] bool is_possible() const { return possible_; }

 private:
  void say_once();
  void say_later();

  RedisLink& control_;
  const std::function<bool()> wanted_;
  boost::asio::steady_timer again_;
  std::string number_;  // of the reader's connection; empty: not known yet
  bool saying_ = false, possible_ = true;
};

}  // namespace sluice::source
