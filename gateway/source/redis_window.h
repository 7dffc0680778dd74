// RedisWindow: names that a Redis adapter asks its server about, a few hundred at a time however many there are; what
// was refused is asked again, ever more slowly. Owned by an adapter, on its home worker's loop. It knows no command:
// `ask` sends one, and each is followed by settle() or put_off().
// Invariant: a name stands in it once, from add() to settle() or drop().
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "gateway/source/backoff.h"
#include "gateway/source/redis_link.h"

namespace sluice::source {

class RedisWindow {
 public:
  using Ask = std::function<void(const std::string& name)>;
  static constexpr std::size_t in_flight_max = 256;

  // The link outlives it.
  RedisWindow(RedisLink& link, boost::asio::io_context& loop, std::uint64_t seed, Ask ask);

  void add(const std::string& name);
  // The link is up: asks what waits.
  void go_on();
  void settle(const std::string& name);
  // Not answered, or refused: asked again when the link is back, or after a while where it is up.
  void put_off(const std::string& name);
  // Forgets those of them that wait. What was asked is answered, and followed as ever.
  void drop(const std::set<std::string>& names);

 private:
  void arm();

  RedisLink& link_;
  const Ask ask_;
  Backoff backoff_;
  boost::asio::steady_timer retry_;
  std::unordered_set<std::string> names_;
  std::deque<std::string> queue_;
  std::vector<std::string> refused_;
  std::size_t in_flight_ = 0;
  bool asking_ = false;
};

}  // namespace sluice::source
