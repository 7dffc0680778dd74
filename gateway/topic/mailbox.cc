#include "gateway/topic/mailbox.h"

#include <iterator>

namespace sluice::topic {

bool Mailbox::put(std::vector<Message>& batch, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  bytes_.store(bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);  // written under the lock
  const bool was_empty = waiting_.empty();
  if (was_empty)
    waiting_.swap(batch);
  else
    waiting_.insert(waiting_.end(), std::make_move_iterator(batch.begin()), std::make_move_iterator(batch.end()));
  batch.clear();
  return was_empty;
}

void Mailbox::take(std::vector<Message>& out) {
  out.clear();
  const std::lock_guard lock(mutex_);
  waiting_.swap(out);
  bytes_.store(0, std::memory_order_relaxed);
}

}  // namespace sluice::topic
