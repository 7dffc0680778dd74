#include "gateway/source/mqtt_queue.h"

#include <utility>

namespace sluice::source {

namespace {

// The broker's own patience is 1.5 times the keepalive.
constexpr std::chrono::seconds full_wait{2};
// mosquitto keeps 1,000 messages for who does not read (max_queued_messages) and says nothing of those that it drops.
constexpr std::chrono::milliseconds harmless_wait{50};
constexpr std::size_t broker_messages_max = 1000;
constexpr std::chrono::microseconds told_interval{500};
constexpr std::size_t take_bytes = 1024 * 1024;

std::size_t size_of(const MqttNews& news) {
  const bool message = news.kind == MqttNews::Kind::message || news.kind == MqttNews::Kind::too_large;
  return message ? sizeof news + news.topic.size() + news.text.size() : 0;
}

}  // namespace

MqttQueue::MqttQueue(std::size_t bytes_max, std::function<void()> on_news)
    : bytes_max_(bytes_max), on_news_(std::move(on_news)) {}

void MqttQueue::put(MqttNews&& news) {
  const std::size_t size = size_of(news);
  std::unique_lock lock(mutex_);
  const auto room = [&] { return size == 0 || bytes_ == 0 || bytes_ + size <= bytes_max_; };
  if (!room()) {
    if (full_) return;  // waited for once: as long as it stays full what comes is dropped at once
    tell_now(lock);
    const TimePoint begun = std::chrono::steady_clock::now();
    const bool waited = changed_.wait_for(lock, full_wait, [&] { return stopped_ || room(); });
    waited_ += std::chrono::steady_clock::now() - begun;
    full_ = !waited;
    if (full_) return;
  }
  if (std::exchange(full_, false)) news_.push_back({.kind = MqttNews::Kind::lost});
  const bool message = news.kind == MqttNews::Kind::message;
  news_.push_back(std::move(news));
  bytes_ += size;
  if (message && waited_ > harmless_wait && ++since_noted_ == broker_messages_max) {
    since_noted_ = 0;
    news_.push_back({.kind = MqttNews::Kind::lost});
  }
  if (!message) tell_now(lock);
}

void MqttQueue::caught_up() {
  std::unique_lock lock(mutex_);
  if (std::exchange(waited_, {}) <= harmless_wait) return;
  since_noted_ = 0;
  news_.push_back({.kind = MqttNews::Kind::lost});
  tell_now(lock);
}

bool MqttQueue::tell(TimePoint now) {
  std::unique_lock lock(mutex_);
  if (told_ || news_.empty()) return false;
  if (now - told_at_ < told_interval) return true;
  told_at_ = now;
  tell_now(lock);
  return false;
}

// Nobody is called under the lock.
void MqttQueue::tell_now(std::unique_lock<std::mutex>& lock) {
  if (news_.empty() || std::exchange(told_, true)) return;
  lock.unlock();
  on_news_();
  lock.lock();
}

std::vector<MqttNews> MqttQueue::take(bool& more) {
  std::vector<MqttNews> taken;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t bytes = 0; !news_.empty() && bytes < take_bytes; news_.pop_front()) {
      bytes += size_of(news_.front());
      taken.push_back(std::move(news_.front()));
      bytes_ -= size_of(taken.back());
    }
    more = told_ = !news_.empty();
  }
  changed_.notify_all();
  return taken;
}

void MqttQueue::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
}

bool MqttQueue::stopped() {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

bool MqttQueue::wait(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return stopped_; });
}

}  // namespace sluice::source
