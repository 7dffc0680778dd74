#include "gateway/source/redis_window.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace sluice::source {

RedisWindow::RedisWindow(RedisLink& link, boost::asio::io_context& loop, std::uint64_t seed, Ask ask)
    : link_(link), ask_(std::move(ask)), backoff_(seed), retry_(loop) {}

void RedisWindow::add(const std::string& name) {
  if (!names_.insert(name).second) return;
  queue_.push_back(name);
  go_on();
}

void RedisWindow::go_on() {
  if (std::exchange(asking_, true)) return;  // settled in the call itself: the loop below goes on
  while (link_.is_up() && in_flight_ < in_flight_max && !queue_.empty()) {
    const std::string name = std::move(queue_.front());
    queue_.pop_front();
    ++in_flight_;
    ask_(name);
  }
  asking_ = false;
}

void RedisWindow::settle(const std::string& name) {
  --in_flight_;
  names_.erase(name);
  if (refused_.empty()) backoff_.reset();
  go_on();
}

void RedisWindow::put_off(const std::string& name) {
  --in_flight_;
  if (!link_.is_up()) {
    queue_.push_back(name);
    return;
  }
  refused_.push_back(name);
  if (refused_.size() == 1) arm();
  go_on();
}

void RedisWindow::drop(const std::set<std::string>& names) {
  const auto forget = [&](const std::string& name) { return names.contains(name) && names_.erase(name) != 0; };
  std::erase_if(queue_, forget);
  std::erase_if(refused_, forget);
}

void RedisWindow::arm() {
  retry_.expires_after(backoff_.next());
  retry_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    std::ranges::move(std::exchange(refused_, {}), std::back_inserter(queue_));
    go_on();
  });
}

}  // namespace sluice::source
